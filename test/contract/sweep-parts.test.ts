import { expect, test } from 'vitest'
import { s3Storage } from '../../handler/storage/s3.ts'
import { sweepParts } from '../../handler/sweep-parts.ts'
import { collectLog } from '../helpers/collected-log.ts'
import { KEYS, strictS3, type Fault, type Operation } from '../helpers/storage/strict-s3.ts'

const HOUR = 3_600_000
const signal = () => AbortSignal.timeout(300_000)

/** A bucket with objects of some ages, hours, and a worker that starts. */
async function swept(
  objects: Record<string, number>,
  fault?: (operation: Operation) => Fault | undefined,
) {
  await using s3 = await strictS3(fault)
  for (const [key, hours] of Object.entries(objects)) {
    const at = new Date(Date.now() - hours * HOUR)
    s3.objects.set(key, { body: Buffer.from('x'), headers: {}, at })
  }
  const at = { endpoint: s3.origin, region: 'us-east-1', bucket: 'bucket', prefix: 'ours' }
  const { log, logged } = collectLog()
  await sweepParts({ storage: s3Storage({ ...at, ...KEYS }), log }, signal())
  return { left: [...s3.objects.keys()].toSorted(), logged }
}

test('parts that nobody has joined for a day are removed when a worker starts, and nothing else', async () => {
  const kept = {
    'ours/parts/new.0123456789ab.part-0.mp4': 23,
    'ours/parts/new.0123456789ab.part-0.mp4.json': 23,
    'ours/parts/holiday.mp4': 900,
    'ours/job.mp4': 900,
    'parts/old.0123456789ab.part-0.mp4': 900,
    'ours/parts-of-mine/old.0123456789ab.part-0.mp4': 900,
  }
  const orphans = {
    'ours/parts/lecture.0123456789ab.part-0.mp4': 25,
    'ours/parts/lecture.0123456789ab.part-0.mp4.json': 25,
    'ours/parts/lecture.0123456789ab.part-11.webm': 700,
    'ours/parts/lecture.0123456789ab.part-12.mkv.json': 700,
  }
  const { left, logged } = await swept({ ...kept, ...orphans })
  expect(left).toEqual(Object.keys(kept).toSorted())
  expect(logged).toMatchObject([{ level: 'info', event: 'part.swept', fields: { parts: 3 } }])
})

test('a store that lets nobody list it is no reason not to start', async () => {
  const forbidden: Fault = { status: 403, code: 'AccessDenied' }
  const refuse = ({ name }: Operation) => (name === 'names' ? forbidden : undefined)
  const old = 'ours/parts/lecture.0123456789ab.part-0.mp4'
  const { left, logged } = await swept({ [old]: 25 }, refuse)
  expect(left).toEqual([old])
  expect(logged).toMatchObject([
    {
      level: 'warn',
      event: 'part.unswept',
      fields: { reason: expect.stringContaining('AccessDenied') },
    },
  ])
})
