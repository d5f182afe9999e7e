import { Hono } from 'hono'
import * as v from 'valibot'
import { asJobError } from '../../../handler/errors.ts'
import { describeOperation, response, schemaComponent } from '../describe-operation.ts'
import { readJsonBody } from '../read-json.ts'
import { httpStatusOf, rejections, setRetryAfter } from '../responses.ts'
import type { AppOptions } from '../app-options.ts'
import { parseGeneration, toJob } from './generation-request.ts'
import { SyncError } from './generation-view.ts'

/** The path of the SDKs, and that of the documentation. */
const PATHS = ['/v2/analyze/cost', '/v2/generations/estimate-cost'] as const

/** What a generation would cost: nothing, and time. */
export function costRoute({ jobs, maxBodyBytes, estimate }: AppOptions): Hono {
  const app = new Hono()
  for (const path of PATHS) {
    app.post(path, describeCost, async (c) => {
      try {
        const { id: _id, ...job } = toJob(parseGeneration(await readJsonBody(c, maxBodyBytes)), '')
        const found = await estimate(job, c.req.raw.signal)
        if ('refused' in found) {
          return c.json({ message: found.refused.message, statusCode: 400 }, 400)
        }
        const { frames, expected_sec } = found
        const cost = { estimatedFrameCount: frames, estimatedGenerationCost: 0 }
        return c.json([
          { ...cost, ...(expected_sec !== null && { estimatedSeconds: expected_sec }) },
        ])
      } catch (thrown) {
        const error = asJobError(thrown)
        setRetryAfter(c, error, jobs)
        const found = httpStatusOf(error)
        const status = found === 422 ? 400 : found
        return c.json({ message: error.message, statusCode: status }, status)
      }
    })
  }
  return app
}

const Cost = schemaComponent(
  'GenerationCost',
  v.object({
    estimatedFrameCount: v.pipe(v.number(), v.integer()),
    estimatedGenerationCost: v.literal(0),
    estimatedSeconds: v.optional(
      v.pipe(v.number(), v.description('Of this worker; absent where no job was done yet.')),
    ),
  }),
)

const { 413: TOO_LARGE, 429: BUSY, 503: UNAVAILABLE } = rejections(SyncError)
const describeCost = describeOperation({
  tag: 'sync.so',
  summary: 'What a generation would cost: no money, and how many frames and seconds',
  body: v.looseObject({ model: v.string(), input: v.array(v.looseObject({ type: v.string() })) }),
  responses: {
    200: response('One estimate.', v.array(Cost)),
    400: response('It is not valid, or would fail.', SyncError),
    ...{ 413: TOO_LARGE, 429: BUSY, 503: UNAVAILABLE },
  },
})
