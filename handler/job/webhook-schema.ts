import * as v from 'valibot'
import { Url } from './address-schema.ts'

export const EVENT_TYPES = [
  'job.started',
  'job.progress',
  'job.succeeded',
  'job.failed',
  'job.canceled',
] as const

/** Who is told of a job. */
export const Webhook = v.pipe(
  v.union(
    [
      Url,
      v.strictObject({
        url: Url,
        events: v.optional(v.pipe(v.array(v.picklist(EVENT_TYPES)), v.minLength(1))),
      }),
    ],
    'must be an http or https URL or { url, events? }, events being some of ' +
      EVENT_TYPES.join(', '),
  ),
  v.description('Where events are posted to; all of them, or those that are listed.'),
)
