import { expect, test } from 'vitest'
import { createRenderer } from '../../../../handler/render/render.ts'
import type { Render } from '../../../../handler/render/render-task.ts'
import { scenario } from '../../../helpers/jobs/scenario.ts'
import { makeVideo } from '../../../helpers/media/media.ts'
import { fakeModels } from '../../../helpers/models/fake-models.ts'

const at = await scenario()

test('a source that is looked at as a whole tells how far that is, before anything is drawn', async () => {
  const video = await makeVideo(at.ffmpeg, at.media.file('v.mp4'), { frames: 12 })
  const seen: string[] = []
  const draw = createRenderer(fakeModels(), at.ffmpeg)
  const render: Render = (task, call) =>
    draw(task, {
      ...call,
      onScanned: (done, total) => void seen.push(`scanned ${done} of ${total}`),
      onProgress(done, total) {
        seen.push(`drawn ${done} of ${total}`)
        call.onProgress(done, total)
      },
    })
  await at.render({ video, length: 'video' }, { deps: { render } })
  const numbers = Array.from({ length: 12 }, (_, i) => `${i + 1} of 12`)
  expect(seen).toEqual([
    ...numbers.map((number) => `scanned ${number}`),
    ...numbers.map((number) => `drawn ${number}`),
  ])
})

test('stages are told when they end: what was read and heard before a face is looked for', async () => {
  const video = await makeVideo(at.ffmpeg, at.media.file('s.mp4'), { frames: 12 })
  const told: string[] = []
  let before: string[] | undefined
  const models = fakeModels({
    before: (graph) => void (graph === 'face' && (before ??= [...told])),
  })
  const onStage = (stage: string) => void told.push(stage)
  await at.render({ video }, { models, deps: { onStage } })
  expect(before).toEqual(['download', 'probe', 'speech'])
  const rest = ['avatar', 'generate', 'composite', 'encode', 'render', 'upload']
  expect(told.slice(3)).toEqual(rest)
})
