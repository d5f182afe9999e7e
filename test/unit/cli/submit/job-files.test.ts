import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { assertJob, filesOf, mapAddresses } from '../../../../runtime/cli/submit/job-files.ts'

test('every address of an input is replaced, and nothing else', () => {
  const job = {
    video: 'face.mp4',
    audio_url: 'https://a.example/v.wav',
    segments: [{ from: 0, to: 1, audio: 'one.wav', face: { boxes_url: 'boxes.json' } }],
    faces: [{ box: [0, 0, 1, 1], audio_url: 'two.wav' }],
    face: { boxes: [[0, 0, 1, 1], null] },
    metadata: { video: 'mine' },
    output: { key: 'k.mp4' },
  }
  expect(mapAddresses(job, (address) => `<${address}>`)).toEqual({
    video: '<face.mp4>',
    audio_url: '<https://a.example/v.wav>',
    segments: [{ from: 0, to: 1, audio: '<one.wav>', face: { boxes_url: '<boxes.json>' } }],
    faces: [{ box: [0, 0, 1, 1], audio_url: '<two.wav>' }],
    face: { boxes: [[0, 0, 1, 1], null] },
    metadata: { video: 'mine' },
    output: { key: 'k.mp4' },
  })
})

test('files are found by path and by URL, each once; one that is not there is told', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'files-'))
  try {
    const file = join(dir, 'a b.wav')
    await writeFile(file, '')
    const url = pathToFileURL(file).href
    const job = { video: file, audio: url, segments: [{ from: 0, to: 1, audio: file }] }
    expect([...(await filesOf(job))]).toEqual([
      [file, file],
      [url, file],
    ])
    expect(await filesOf({ video: 's3://bucket/a', audio: 'upload:1' })).toEqual(new Map())
    await expect(filesOf({ video: join(dir, 'none.mp4') })).rejects.toThrow(/there is no file/)
    await expect(filesOf({ video: dir })).rejects.toThrow(/there is no file/)
  } finally {
    await rm(dir, { recursive: true })
  }
})

test('a job is checked but for its addresses, which only its worker can judge', () => {
  assertJob({ video: 'upload:1', audio: 's3://bucket/a.wav', fps: 30 })
  expect(() => assertJob({ video: 'a', audio: 'b', fsp: 30 })).toThrow(/fsp: is not a field/)
  expect(() => assertJob({ video: 'a' })).toThrow(/audio_url: is required/)
})
