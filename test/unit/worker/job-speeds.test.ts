import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openJobSpeeds } from '../../../runtime/worker/estimates/job-speeds.ts'
import { folder } from '../../helpers/media/media.ts'
import { resultFor } from '../../helpers/jobs/controlled-jobs.ts'

const done = (frames: number, seconds: number, changes: object = {}) => ({
  ...resultFor('one'),
  ...{ frames, total_time: seconds + 5, width: 640, height: 360 },
  stage_times: { ...resultFor('one').stage_times, download: 5 },
  ...changes,
})
const size = (frames: number, changes: object = {}) => ({
  ...{ frames, width: 640, height: 360, bundle: { id: '0' } },
  ...changes,
})

test('a job takes as long as jobs like it took, without their downloads', async () => {
  await using place = await folder()
  const speeds = await openJobSpeeds(place.path, 'cpu')
  expect(speeds.expect(size(100))).toBeUndefined()
  speeds.add(done(100, 10))
  expect(speeds.expect(size(100))).toBeCloseTo(10)
  expect(speeds.expect(size(250))).toBeCloseTo(25)
  // A large picture takes longer, and only large ones say how much.
  speeds.add(done(100, 80, { width: 1920, height: 1080 }))
  expect(speeds.expect(size(100))).toBeLessThan(13)
  expect(speeds.expect(size(100, { width: 1920, height: 1080 }))).toBeGreaterThan(70)
})

test('later jobs count more, and no more than the last of a bundle are kept', async () => {
  await using place = await folder()
  const speeds = await openJobSpeeds(place.path, 'cpu')
  for (let i = 0; i < 40; i++) speeds.add(done(100, 10))
  speeds.add(done(100, 20))
  expect(speeds.expect(size(100))).toBeGreaterThan(10.9)
  for (let i = 0; i < 32; i++) speeds.add(done(100, 20))
  expect(speeds.expect(size(100))).toBeCloseTo(20)
})

test('another bundle has another speed, and a stored result none', async () => {
  await using place = await folder()
  const speeds = await openJobSpeeds(place.path, 'cpu')
  speeds.add(done(100, 10, { bundle: { name: 'a', version: '1', id: 'a' } }))
  speeds.add(done(100, 0.1, { deduplicated: true }))
  expect(speeds.expect(size(100))).toBeUndefined()
  expect(speeds.expect(size(100, { bundle: { id: 'a' } }))).toBeCloseTo(10)
})

test('speeds are known to the next process on the same device', async () => {
  await using place = await folder()
  const speeds = await openJobSpeeds(place.path, 'cpu')
  speeds.add(done(100, 10))
  await speeds.saved()
  expect((await openJobSpeeds(place.path, 'cpu')).expect(size(100))).toBeCloseTo(10)
  expect((await openJobSpeeds(place.path, 'cuda')).expect(size(100))).toBeUndefined()
  await writeFile(join(place.path, 'job-speeds-cpu.json'), '[{"bundle":1}')
  expect((await openJobSpeeds(place.path, 'cpu')).expect(size(100))).toBeUndefined()
})

test('a folder that cannot be written is no reason to fail', async () => {
  await using place = await folder()
  await writeFile(place.file('a'), '')
  const speeds = await openJobSpeeds(join(place.file('a'), 'b'), 'cpu')
  speeds.add(done(100, 10))
  await speeds.saved()
  expect(speeds.expect(size(100))).toBeCloseTo(10)
})
