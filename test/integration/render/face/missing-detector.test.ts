import { expect, test } from 'vitest'
import type { GraphName, Manifest } from '../../../../models/inference/manifest.ts'
import type { Tensors } from '../../../../models/inference/tensor.ts'
import { makeVideo } from '../../../helpers/media/media.ts'
import { fakeModels, landmarksOf } from '../../../helpers/models/fake-models.ts'
import { FACE } from '../../../helpers/media/scene.ts'
import { scenario } from '../../../helpers/jobs/scenario.ts'

const at = await scenario()
const file = at.media.file('face.mp4')
const video = await makeVideo(at.ffmpeg, file, { frames: 25, faces: () => [FACE] })

/** Fake models with other graphs than usual; `asked` says which of them ran. */
function withGraphs(change: (graphs: Manifest['graphs']) => Manifest['graphs']) {
  const fake = fakeModels()
  const asked = new Set<GraphName>()
  return {
    ...{ ...fake, asked },
    manifest: { ...fake.manifest, graphs: change(fake.manifest.graphs) },
    run(graph: GraphName, feeds: Tensors) {
      asked.add(graph)
      return fake.run(graph === 'face_reference' ? 'face' : graph, feeds)
    },
  }
}

test('jobs by the reference’s rules ask the detector that was made for them', async () => {
  const both = withGraphs((graphs) => ({ ...graphs, face_reference: graphs.encode }))
  await at.render({ video, compat: 'reference' }, { models: both })
  expect([...both.asked]).toContain('face_reference')
  expect([...both.asked]).not.toContain('face')
})

test('all others, and bundles that have one detector, ask the usual one', async () => {
  const both = withGraphs((graphs) => ({ ...graphs, face_reference: graphs.encode }))
  await at.render({ video }, { models: both })
  expect([...both.asked]).not.toContain('face_reference')
  const one = withGraphs((graphs) => graphs)
  await at.render({ video, compat: 'reference' }, { models: one })
  expect([...one.asked]).toContain('face')
})

const blind = ({ face: _, ...graphs }: Manifest['graphs']): Manifest['graphs'] => graphs

test('a bundle without a detector says that the job must name boxes', async () => {
  const { error } = await at.fail({ video }, { models: withGraphs(blind) })
  expect(error).toMatchObject({ code: 'INVALID_JOB', fault: 'caller', retryable: false })
  expect(error.message).toContain('face.boxes')
})

test('with boxes it draws into every frame, where its encoder wants nothing but the crop', async () => {
  const models = withGraphs(blind)
  const points = Float32Array.from(landmarksOf([0, 0, 256, 256]))
  const run = (graph: GraphName, feeds: Tensors) =>
    models.run(graph, { landmarks: { type: 'float32', dims: [1, 68, 2], data: points }, ...feeds })
  const boxes = Array(25).fill([...FACE])
  const job = { video, face: { boxes } }
  const { result } = await at.render(job, { models: { ...models, graphs: {}, run } })
  expect(result).toMatchObject({ frames: 25, frames_without_face: 0 })
  expect([...models.asked]).not.toContain('face')
})
