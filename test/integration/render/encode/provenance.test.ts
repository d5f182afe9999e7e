import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { handle } from '../../../../handler/handle.ts'
import { testDeps } from '../../../helpers/jobs/deps.ts'
import { scenario } from '../../../helpers/jobs/scenario.ts'
import { shortlist, variant } from '../../../helpers/shortlist.ts'
import { makeVideo } from '../../../helpers/media/media.ts'
import { fakeModels } from '../../../helpers/models/fake-models.ts'

const at = await scenario()
const video = await makeVideo(at.ffmpeg, at.media.file('v.mp4'), { frames: 5 })

async function resultOf(
  output: object,
  unasked = true,
  own: object = { id: `one-${Math.random()}` },
) {
  const provenance = { version: '1.2.3', unasked }
  const models = fakeModels()
  models.manifest = { ...models.manifest, name: 'a <"&> bundle' }
  const deps = await testDeps(at.media, at.ffmpeg, models, { provenance })
  const job = { ...own, video, audio: at.voice, length: 'video', output }
  const { output_url, job_id } = await handle(job, deps)
  return { bytes: await readFile(output_url), id: job_id, file: output_url }
}

/** The boxes of a file of ISO's base media format, one after the other. */
function boxesOf(bytes: Buffer) {
  const boxes: { type: string; content: Buffer }[] = []
  for (let at = 0; at < bytes.length;) {
    const size = bytes.readUInt32BE(at)
    boxes.push({
      type: bytes.toString('latin1', at + 4, at + 8),
      content: bytes.subarray(at + 8, at + size),
    })
    at += size
  }
  return boxes
}

const COMPOSITE =
  'http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia'

/** The XMP of an mp4 as attributes. */
function xmpOf(bytes: Buffer): Record<string, string> | undefined {
  const box = boxesOf(bytes).find(({ type }) => type === 'uuid')
  if (!box) return undefined
  expect(box.content.toString('hex', 0, 16)).toBe('be7acfcb97a942e89c71999491e3afac')
  const packet = box.content.toString('utf8', 16)
  expect(packet).toMatch(/^<\?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"\?>/)
  const found = [...packet.matchAll(/ (\w+:\w+)="([^"<]*)"/g)].map(([, name, value]) => [
    name!,
    value!.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code))),
  ])
  return Object.fromEntries(found) as Record<string, string>
}

describe('an mp4 says in XMP that a model has drawn in it', () => {
  test.each([{}, { stream: true }])('%j', async (output) => {
    const { bytes, id } = await resultOf(output)
    expect(xmpOf(bytes)).toMatchObject({
      'Iptc4xmpExt:DigitalSourceType': COMPOSITE,
      'Iptc4xmpExt:AISystemUsed': 'a <"&> bundle',
      'Iptc4xmpExt:AISystemVersionUsed': '0 (fake00000000)',
      'xmp:CreatorTool': 'musetalk-worker 1.2.3',
      'dc:identifier': id,
    })
  })

  variant('a job without an id has none there: the same inputs are the same bytes', async () => {
    const made = [await resultOf({}, true, {}), await resultOf({}, true, {})]
    expect(xmpOf(made[0]!.bytes)).not.toHaveProperty('dc:identifier')
    expect(made[0]!.id).not.toBe(made[1]!.id)
    expect(made[0]!.bytes.equals(made[1]!.bytes)).toBe(true)
  })

  const wishes: readonly [object, boolean, boolean][] = [
    [{ provenance: false }, true, false],
    [{}, false, false],
    [{ provenance: true }, false, true],
  ]
  test.each(shortlist(1, wishes))(
    'where the job wants it, else where the worker does: %j, %s',
    async (output, unasked, isThere) => {
      expect(xmpOf((await resultOf(output, unasked)).bytes) !== undefined).toBe(isThere)
    },
  )
})

test('Matroska has it in tags', async () => {
  const { bytes, id } = await resultOf({ lossless: true })
  for (const [name, value] of [
    ['DIGITAL_SOURCE_TYPE', COMPOSITE],
    ['CREATOR_TOOL', 'musetalk-worker 1.2.3'],
    ['IDENTIFIER', id],
  ] as const) {
    expect(tagOf(bytes, name)).toBe(value)
  }
})

variant('Matroska has none where the job does not want it', async () => {
  const { bytes: plain } = await resultOf({ lossless: true, provenance: false })
  expect(plain.includes('DIGITAL_SOURCE_TYPE')).toBe(false)
})

/** A SimpleTag: its name (45a3), its language, its text (4487), each behind its size. */
function tagOf(bytes: Buffer, name: string): string | undefined {
  const head = Buffer.concat([Buffer.from([0x45, 0xa3, 0x80 | name.length]), Buffer.from(name)])
  const at = bytes.indexOf(head)
  if (at < 0) return undefined
  const text = bytes.indexOf(Buffer.from([0x44, 0x87]), at) + 2
  const isLong = (bytes[text]! & 0x80) === 0
  const size = isLong ? bytes.readUInt16BE(text) & 0x3fff : bytes[text]! & 0x7f
  const from = text + (isLong ? 2 : 1)
  return bytes.toString('utf8', from, from + size)
}
