import * as v from 'valibot'
import { extensionOf } from '../../handler/render/encode/output-formats.ts'

const milliseconds = (min: number, max: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max))
const WEEK_MS = 7 * 24 * 3600_000

/** Left as it came: valibot's own records drop names that the job's check shall see. */
const isNonEmptyObject = (input: unknown): boolean =>
  typeof input === 'object' && input !== null && Object.keys(input).length > 0

/** RunPod's envelope of a job; the platform drops keys that it does not know, and so does this. */
export const EnvelopeSchema = v.object({
  input: v.custom<Record<string, unknown>>(isNonEmptyObject, 'is empty or missing'),
  webhook: v.optional(
    v.pipe(v.string(), v.maxLength(2048), v.regex(/^https?:\/\//, 'must be an http(s) URL')),
  ),
  policy: v.optional(
    v.object({
      executionTimeout: v.optional(milliseconds(5000, WEEK_MS)),
      /** Starts no further worker for the job, says RunPod; there is one here, and jobs run as they came. */
      lowPriority: v.optional(v.boolean()),
      ttl: v.optional(milliseconds(10_000, WEEK_MS), 24 * 3600_000),
    }),
    {},
  ),
})
export type Envelope = v.InferOutput<typeof EnvelopeSchema>

/** @returns the envelope, or what is wrong with it in one line */
export function parseEnvelope(body: unknown): Envelope | string {
  const parsed = v.safeParse(EnvelopeSchema, body)
  if (parsed.success) return parsed.output
  const lines = parsed.issues.map((issue) => `${v.getDotPath(issue) ?? 'body'} ${issue.message}`)
  return lines.join('; ').slice(0, 1000)
}

/**
 * The job in the envelope. The platform's id is the one to ask and report under; an id in the input
 * only names the object.
 */
export function toJobInput(input: Record<string, unknown>, id: string): Record<string, unknown> {
  const { id: inputId, musetalk_job_id: legacyId, output = {}, ...rest } = input
  const name = inputId ?? legacyId
  const isUsable = typeof name === 'string' && /^(?!\.)[A-Za-z0-9._-]{1,200}$/.test(name)
  if (!isUsable || typeof output !== 'object' || output === null) return input
  const { lossless, format } = output as { lossless?: unknown; format?: unknown }
  const extension = extensionOf({
    lossless: lossless === true,
    format: format === 'webm' ? format : undefined,
  })
  return { ...rest, id, output: { key: `${name}.${extension}`, ...output } }
}

/** A wait that the client asked for, in milliseconds, within bounds. */
export function parseWait(text: string | undefined, fallback: number): number {
  const wait = Number(text ?? fallback)
  return Number.isFinite(wait) ? Math.min(300_000, Math.max(1000, wait)) : fallback
}
