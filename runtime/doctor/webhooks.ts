import { parseWebhookSecrets } from '../../handler/events/webhook-signature.ts'
import type { Config } from '../config/config.ts'
import { ok, type CheckResult } from './check-result.ts'

/** A malformed secret is found by the environment's check, which names the variable. */
export function checkWebhooks({ WEBHOOK_SECRET }: Pick<Config, 'WEBHOOK_SECRET'>): CheckResult[] {
  const keys = parseWebhookSecrets(WEBHOOK_SECRET ?? '')?.length ?? 0
  const secrets = keys === 1 ? 'one secret' : `${keys} secrets`
  return [
    keys === 0
      ? ok('webhooks', 'events go out unsigned: WEBHOOK_SECRET is not set')
      : ok('webhooks', `events are signed with ${secrets} of the right form`),
  ]
}
