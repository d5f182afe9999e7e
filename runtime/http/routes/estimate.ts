import { Hono } from 'hono'
import * as v from 'valibot'
import type { Estimate } from '../../../handler/estimate.ts'
import { describeOperation, response, schemaComponent } from '../describe-operation.ts'
import { faceEntries, JobFailure, JobReference, RejectedJob } from '../response-schemas.ts'
import { refuseJob, rejections } from '../responses.ts'
import { readJsonBody } from '../read-json.ts'
import { spoolInlineMedia } from '../spool-inline-media.ts'
import type { AppOptions } from '../app-options.ts'

/** What a job would give, without doing it. */
export function estimateRoute({ jobs, uploads, maxBodyBytes, estimate }: AppOptions): Hono {
  const app = new Hono()
  app.post('/estimate', describeEstimate, async (c) => {
    try {
      const payload = await spoolInlineMedia(await readJsonBody(c, maxBodyBytes), uploads)
      return c.json(await estimate(payload, c.req.raw.signal))
    } catch (thrown) {
      return refuseJob(c, thrown, jobs)
    }
  })
  return app
}

const count = v.pipe(v.number(), v.integer())
const describe = <S extends v.GenericSchema>(schema: S, text: string) =>
  v.pipe(schema, v.description(text))

type Accepted = Exclude<Estimate, { refused: unknown }>

const EstimateBody = schemaComponent(
  'Estimate',
  v.union([
    v.object({
      width: count,
      height: count,
      fps: v.number(),
      frames: count,
      duration_sec: v.number(),
      faces: describe(
        v.array(v.object(faceEntries)),
        'Seen in the first second of the source; the largest first.',
      ),
      bundle: v.object({ name: v.string(), version: v.string(), id: v.string() }),
      expected_sec: describe(
        v.nullable(v.number()),
        'From its start to the stored result, as jobs like it took here; null where none was done yet.',
      ),
    } satisfies Record<keyof Accepted, v.GenericSchema>),
    v.object({ refused: describe(JobFailure, 'What the job would fail with.') }),
  ]),
)

const { 409: _conflict, ...REFUSALS } = rejections(RejectedJob)
const describeEstimate = describeOperation({
  tag: 'Jobs',
  summary: 'What a job would give: fetches its inputs and looks at them, renders nothing',
  body: JobReference,
  responses: { 200: response('What it would give, or fail with.', EstimateBody), ...REFUSALS },
})
