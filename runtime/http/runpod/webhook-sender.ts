import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../../../handler/log.ts'
import type { AppOptions } from '../app-options.ts'

const ATTEMPT_TIMEOUT_MS = 10_000
/** Pauses before the second and the third try, as seen on the platform. */
const RETRY_DELAYS_MS = [5_000, 15_000]

type HeadersOf = (body: string) => Record<string, string>

/** Posts what RunPod's platform would post to `webhook`: once, and twice more where that fails. */
export class RunpodWebhookSender {
  readonly #post: AppOptions['post']
  readonly #log: Log
  readonly #retryDelaysMs: readonly number[]
  readonly #inFlight = new Set<Promise<void>>()

  constructor(post: AppOptions['post'], log: Log, retryDelaysMs = RETRY_DELAYS_MS) {
    this.#post = post
    this.#log = log
    this.#retryDelaysMs = retryDelaysMs
  }

  /**
   * Returns at once; the outcome is logged.
   * @param headersOf further headers, by the text that is sent
   */
  send(id: string, url: string, body: unknown, headersOf: HeadersOf = () => ({})): void {
    const delivery = this.#deliver(id, url, body, headersOf)
      .catch((error: Error) =>
        this.#log.warn('runpod.webhook', { job: id, outcome: error.message }),
      )
      .finally(() => this.#inFlight.delete(delivery))
    this.#inFlight.add(delivery)
  }

  /** Resolves when nothing is in flight. */
  async drained(): Promise<void> {
    await Promise.all(this.#inFlight)
  }

  async #deliver(id: string, url: string, content: unknown, headersOf: HeadersOf): Promise<void> {
    const body = JSON.stringify(content)
    for (let attempt = 1; ; attempt++) {
      const signal = AbortSignal.timeout(ATTEMPT_TIMEOUT_MS)
      const outcome = await this.#post(url, body, signal, headersOf(body)).catch(
        (error: Error) => error.message,
      )
      const delivered = typeof outcome === 'number' && outcome >= 200 && outcome < 300
      this.#log[delivered ? 'info' : 'warn']('runpod.webhook', { job: id, attempt, outcome })
      const delayMs = this.#retryDelaysMs[attempt - 1]
      if (delivered || delayMs === undefined) return
      await sleep(delayMs, undefined, { ref: false })
    }
  }
}
