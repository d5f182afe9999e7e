import { createHmac } from 'node:crypto'

const PREFIX = 'whsec_'
const KEY_BYTES = [24, 64] as const

/**
 * The keys of a list of secrets, separated by spaces: while a secret is changed, both sign.
 * @returns undefined where one of them is no `whsec_` secret of 24 to 64 bytes
 * @see https://www.standardwebhooks.com, specification 1.0.0
 */
export function parseWebhookSecrets(secrets: string): Buffer[] | undefined {
  const keys = secrets
    .split(' ')
    .filter((secret) => secret !== '')
    // Node would decode the prefix too, into another key and without a word.
    .map((secret) => (secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret))
    .map((base64) => (isBase64(base64) ? Buffer.from(base64, 'base64') : Buffer.alloc(0)))
  const sound = keys.every(({ length }) => length >= KEY_BYTES[0] && length <= KEY_BYTES[1])
  return keys.length > 0 && sound ? keys : undefined
}

/** The `webhook-signature` header: one signature per key. @param timestamp seconds */
export function signWebhook(
  keys: readonly Buffer[],
  id: string,
  timestamp: number,
  body: string,
): string {
  return keys
    .map((key) => createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64'))
    .map((signature) => `v1,${signature}`)
    .join(' ')
}

const isBase64 = (text: string): boolean => /^[A-Za-z0-9+/]+={0,2}$/.test(text)
