import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../../../handler/render/context.ts'
import type { PushOptions } from '../app-options.ts'

const ATTEMPT_MS = 10_000
/** Pauses before the second and the third try, as seen on the platform. */
const PAUSES_MS = [5_000, 15_000]

/** Posts what RunPod's platform would post to `webhook`: once, and twice more where that fails. */
export class RunpodWebhookSender {
  readonly #post: PushOptions['post']
  readonly #log: Log
  readonly #pauses: readonly number[]
  readonly #underway = new Set<Promise<void>>()

  constructor(post: PushOptions['post'], log: Log, pauses = PAUSES_MS) {
    this.#post = post
    this.#log = log
    this.#pauses = pauses
  }

  /** Returns at once; the outcome is logged. */
  send(id: string, url: string, body: unknown): void {
    const sending = this.#send(id, url, body)
      .catch((error: Error) => this.#log('runpod.webhook', { job: id, outcome: error.message }))
      .finally(() => this.#underway.delete(sending))
    this.#underway.add(sending)
  }

  /** Resolves when nothing is underway. */
  async drained(): Promise<void> {
    await Promise.all(this.#underway)
  }

  async #send(id: string, url: string, content: unknown): Promise<void> {
    const body = JSON.stringify(content)
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#post(url, body, AbortSignal.timeout(ATTEMPT_MS)).catch(
        (error: Error) => error.message,
      )
      const delivered = typeof outcome === 'number' && outcome >= 200 && outcome < 300
      this.#log('runpod.webhook', { job: id, attempt, outcome })
      const pause = this.#pauses[attempt - 1]
      if (delivered || pause === undefined) return
      await sleep(pause, undefined, { ref: false })
    }
  }
}
