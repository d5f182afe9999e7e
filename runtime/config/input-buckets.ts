import * as v from 'valibot'

const PREFIX = /^(s3|b2):\/\/[A-Za-z0-9][A-Za-z0-9.-]{1,61}[A-Za-z0-9](\/[^\s,]*)?$/

/** Buckets, or prefixes in them, that jobs may name: `s3://bucket, b2://other/incoming`. */
export const inputBuckets = v.pipe(
  v.optional(v.string(), ''),
  v.transform((text) => text.split(/[\s,]+/).filter((part) => part !== '')),
  v.array(
    v.pipe(
      v.string(),
      v.regex(PREFIX, 'must be a list of s3://<bucket> and b2://<bucket>[/<prefix>]'),
    ),
  ),
)

/** What reading from each kind of bucket cannot do without. */
const CREDENTIALS = {
  s3: ['S3_KEY_ID', 'S3_SECRET'],
  b2: ['B2_KEY_ID', 'B2_APP_KEY'],
} as const

interface InputBucketConfig {
  INPUT_BUCKETS: readonly string[]
  S3_KEY_ID?: string | undefined
  S3_SECRET?: string | undefined
  B2_KEY_ID?: string | undefined
  B2_APP_KEY?: string | undefined
}

/** @returns a line for each variable that is missing */
export function inputBucketProblems(config: InputBucketConfig): string[] {
  return (['s3', 'b2'] as const).flatMap((scheme) =>
    config.INPUT_BUCKETS.some((bucket) => bucket.startsWith(`${scheme}:`))
      ? CREDENTIALS[scheme]
          .filter((name) => config[name] === undefined)
          .map((name) => `${name}: is missing for the ${scheme}:// buckets of INPUT_BUCKETS`)
      : [],
  )
}
