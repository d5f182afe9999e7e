// Jobs that this browser has sent: their numbers, pictures and ends, kept in the browser.

import { block, button, create } from './dom.browser.js'
import { adviceFor } from './errors.browser.js'
import { findJob } from './worker-client.browser.js'

const NAME = 'musetalk-jobs'
const MOST = 20

/**
 * What a job said, and which of its files were sent.
 * @typedef {{ job: Record<string, unknown>, files: import('./snippets.browser.js').Files }} Sent
 * @typedef {{ code: string, message: string }} Failure
 * @typedef {{ id: string, at: string, state: string, thumbnail: string, sent?: Sent, error?: Failure | undefined }} PastJob
 */

/** @type {Record<string, string>} */
const WORDS = { started: 'running', queued: 'waiting', succeeded: 'finished', unknown: 'forgotten' }
const FINAL = ['succeeded', 'failed', 'canceled', 'unknown']

/** @returns {PastJob[]} newest first */
function readHistory() {
  try {
    const found = JSON.parse(localStorage.getItem(NAME) ?? '[]')
    return Array.isArray(found) ? found : []
  } catch {
    return []
  }
}

/** @param {PastJob} job in the place of the one with its id, or first */
export function remember(job) {
  const jobs = readHistory()
  const at = jobs.findIndex(({ id }) => id === job.id)
  if (at < 0) jobs.unshift(job)
  else jobs[at] = job
  localStorage.setItem(NAME, JSON.stringify(jobs.slice(0, MOST)))
}

/** @param {(job: PastJob) => void} onOpen */
export function createHistory(onOpen) {
  const list = block('history')
  const showAll = () => {
    const jobs = readHistory()
    block('earlier').hidden = jobs.length === 0
    list.replaceChildren(
      ...jobs.map((job) => {
        const picture = job.thumbnail ? [create('img', { src: job.thumbnail, alt: '' })] : []
        const text = `${new Date(job.at).toLocaleString()}, ${WORDS[job.state] ?? job.state}`
        const open = create(
          'button',
          { type: 'button', className: 'plain', onclick: () => onOpen(job) },
          ...picture,
          text,
        )
        return create('li', {}, open, ...describeFailure(job))
      }),
    )
  }
  button('forget').addEventListener('click', () => {
    localStorage.removeItem(NAME)
    showAll()
  })
  /** What became of the jobs that were not done when the page was left. */
  const lookAfter = async () => {
    for (const job of readHistory().filter(({ state }) => !FINAL.includes(state))) {
      const found = await findJob(job.id)
      if (found) remember({ ...job, ...found })
    }
    showAll()
  }
  showAll()
  void lookAfter().catch(() => {}) // the page says by itself that the worker does not answer
  return { showAll }
}

/** Why it has no video, and what to do. @param {PastJob} job @returns {Node[]} */
function describeFailure({ error }) {
  if (!error) return []
  const advice = adviceFor(error.code)
  return [
    create('p', { className: 'small bad', textContent: error.message }),
    ...(advice ? [create('p', { className: 'small', textContent: advice })] : []),
  ]
}
