import * as v from 'valibot'
import { parseWebhookSecrets } from '../../handler/events/webhook-signature.ts'
import { RUNPOD_LEVELS } from '../log/levels.ts'

// What the values of variables may be.

const LONGEST_TIMER_S = 2_147_483

/** A line end that came along from a file would become part of a name, a path or an address. */
export const text = v.pipe(
  v.string(),
  v.nonEmpty('must not be empty'),
  v.regex(/^[^\r\n]*$/, 'must not contain line ends'),
)
export const number = (fallback: number, least: number) =>
  v.pipe(
    v.optional(text, String(fallback)),
    v.transform(Number),
    v.number('must be a number'),
    v.finite('must be a finite number'),
    v.minValue(least),
  )
/** What a timer waits; a longer one would fire at once. */
export const seconds = (fallback: number, least: number) =>
  v.pipe(number(fallback, least), v.maxValue(LONGEST_TIMER_S, 'must be at most 2147483, 24 days'))
export const integer = (fallback: number, least: number) =>
  v.pipe(number(fallback, least), v.integer())

export const port = v.pipe(
  text,
  v.transform(Number),
  v.integer('must be a port'),
  v.minValue(0),
  v.maxValue(65_535),
)

export const boolean = (fallback: boolean) =>
  v.pipe(
    v.optional(v.picklist(['true', 'false', '1', '0', 'yes', 'no']), String(fallback) as 'true'),
    v.transform((value) => ['true', '1', 'yes'].includes(value)),
  )
export const url = v.pipe(
  text,
  v.check((value) => /^https?:/.test(value) && URL.canParse(value), 'must be an http or https URL'),
)
/** By the rule of the hub's own clients, whose variable it is. */
export const hubSwitch = v.pipe(
  v.optional(v.string(), ''),
  v.transform((value) => ['1', 'ON', 'YES', 'TRUE'].includes(value.toUpperCase())),
)
/** One with a line end, from a file, could not be sent in a header. */
export const headerValue = v.pipe(
  text,
  v.regex(/^[\x20-\x7e]+$/, 'must be printable ASCII, in one line'),
)
/** What is compared or signed: a line end that came along from a file would match nothing. */
export const secret = v.pipe(headerValue, v.regex(/^\S+$/, 'must not contain spaces or line ends'))
export const urlTemplate = v.pipe(
  text,
  v.regex(/^\s*https?:\/\/[^/]/, 'must be an http or https URL; RunPod sets it'),
)
export const runpodLevel = v.pipe(text, v.toUpperCase(), v.picklist(RUNPOD_LEVELS))
export const prefix = (fallback: string) =>
  v.pipe(
    v.optional(v.string(), fallback),
    v.transform((value) => value.replace(/^\/+|\/+$/g, '')),
  )
export const webhookSecrets = v.pipe(
  text,
  v.check(
    (value) => parseWebhookSecrets(value) !== undefined,
    'must be whsec_ and the base64 of 24 to 64 bytes; several separated by a space',
  ),
)

/** Separated by commas. */
const list = v.pipe(
  v.optional(v.string(), ''),
  v.transform((value) => value.split(',').flatMap((one) => one.trim() || [])),
)
export const hosts = v.pipe(
  list,
  v.check(
    (all) => all.every((name) => /^[\w.-]+$/.test(name)),
    'must be names without port, by commas',
  ),
)
export const origins = v.pipe(
  list,
  v.check(
    (all) => all.every((one) => URL.canParse(one) && new URL(one).origin === one),
    'must be origins as https://app.example.com, without a path, by commas',
  ),
)
