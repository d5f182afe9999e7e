// What happens to a job, as server-sent events read by fetch: EventSource could not send the key.

import { jobPath, readAnswer, request } from './worker-client.browser.js'
import { WorkerRefusal } from './errors.browser.js'

/**
 * @typedef {{ seq: number, type: string, phase: string, progress: number, eta_sec: number | null,
 *   metrics: Record<string, number>, result?: any, error?: { code: string, message: string } }} JobEvent
 */

const FINAL = ['job.succeeded', 'job.failed', 'job.canceled']

/**
 * Calls `onEvent` for each event of a job to the last; a lost connection is opened again.
 * @param {string} id
 * @param {{ onEvent(event: JobEvent): void, onLost(): void }} listener
 * @returns {Promise<void>} when the last event was heard
 * @throws {WorkerRefusal} NOT_FOUND where the worker no longer knows the job
 */
export async function followJob(id, { onEvent, onLost }) {
  let last = -1
  for (let pause = 500; ; pause = Math.min(8000, pause * 2)) {
    try {
      const response = await request(`${jobPath(id)}/events`, {
        headers: { 'last-event-id': String(last) },
      })
      if (response.status === 204) return
      if (!response.ok) await readAnswer(response)
      for await (const event of readEvents(response)) {
        last = event.seq
        pause = 500
        onEvent(event)
        if (FINAL.includes(event.type)) return
      }
    } catch (error) {
      if (error instanceof WorkerRefusal && error.status !== undefined && error.status < 500)
        throw error
    }
    onLost()
    await new Promise((resolve) => setTimeout(resolve, pause))
  }
}

/** @param {Response} response @returns {AsyncGenerator<JobEvent>} */
async function* readEvents(response) {
  if (response.body === null) return
  let text = ''
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const blocks = (text + part.value).split('\n\n')
    text = blocks.pop() ?? ''
    for (const lines of blocks) {
      const data = lines.split('\n').filter((line) => line.startsWith('data:'))
      if (data.length > 0) yield JSON.parse(data.map((line) => line.slice(5)).join('\n'))
    }
  }
}
