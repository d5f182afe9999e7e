import * as v from 'valibot'

/** One address, or those of a cluster's nodes or of sentinels, by commas. */
export const redisUrls = v.pipe(
  v.optional(v.string(), ''),
  v.transform((value) => value.split(',').flatMap((one) => one.trim() || [])),
  v.check(
    (all) => all.every((one) => /^rediss?:\/\/./.test(one) && URL.canParse(one)),
    'must be redis://user:password@host:6379 or rediss://…; several by commas',
  ),
)

/** The same of a text. @throws ValiError */
export const parseRedisUrls = (text: string): string[] => v.parse(redisUrls, text)

interface RedisConfig {
  REDIS_URL: readonly string[]
  REDIS_SENTINEL_NAME?: string | undefined
  REDIS_SENTINEL_PASSWORD?: string | undefined
  BULLMQ_PREFIX: string
}

/** @throws Error where a cluster could not hold the keys of the queue together */
export function redisTargetOf(config: RedisConfig) {
  const { REDIS_URL: urls, REDIS_SENTINEL_NAME: name, BULLMQ_PREFIX: prefix } = config
  if (urls.length > 1 && name === undefined && !/\{.+\}/.test(prefix)) {
    throw new Error(
      'REDIS_URL names the nodes of a cluster, which keeps together only what has braces in its name: ' +
        `set BULLMQ_PREFIX={${prefix}} here and as the prefix of whoever adds jobs ` +
        '(or REDIS_SENTINEL_NAME, if they are sentinels)',
    )
  }
  const password = config.REDIS_SENTINEL_PASSWORD
  if (name === undefined) return { urls }
  return { urls, sentinel: { name, ...(password !== undefined && { password }) } }
}
