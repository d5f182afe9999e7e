import { decodeDataUrl, toDataUrl } from '../../handler/inputs/inline-media.ts'
import type { UploadStore } from '../../handler/inputs/upload-store.ts'

/**
 * A payload whose media in base64 have become uploads: a job waits in memory, media wait on disk. What
 * is no media stays, and is refused by the job's check.
 *
 * @throws InputError MEDIA_TOO_LARGE; WorkerError BUSY where there is no room for uploads
 */
export async function spoolInlineMedia(payload: unknown, uploads: UploadStore): Promise<unknown> {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return payload
  const spooled: Record<string, unknown> = { ...payload }
  for (const [name, value] of Object.entries(payload)) {
    const [, input, suffix] = /^(video|audio)(_url|_base64)?$/.exec(name) ?? []
    if (input === undefined || typeof value !== 'string') continue
    const isBase64 = suffix === '_base64'
    const given =
      isBase64 && ['', '_url'].some((other) => Object.hasOwn(payload, `${input}${other}`))
    if (given || !(isBase64 || value.startsWith('data:'))) continue
    const bytes = decodeDataUrl(isBase64 ? toDataUrl(value) : value)
    if (typeof bytes === 'string') continue
    delete spooled[name]
    const { id } = await uploads.add(bytes)
    spooled[isBase64 ? `${input}_url` : name] = `upload:${id}`
  }
  return spooled
}
