// Jobs that this browser has sent: their numbers, pictures and ends, kept in the browser.

import { block, button, create } from './dom.browser.js'

const NAME = 'musetalk-jobs'
const MOST = 20

/**
 * What a job said, and which of its files were sent.
 * @typedef {{ job: Record<string, unknown>, files: import('./snippets.browser.js').Files }} Sent
 * @typedef {{ id: string, at: string, state: string, thumbnail: string, sent?: Sent }} PastJob
 */

/** @type {Record<string, string>} */
const WORDS = { started: 'running', succeeded: 'finished' }

/** @returns {PastJob[]} newest first */
function readHistory() {
  try {
    const found = JSON.parse(localStorage.getItem(NAME) ?? '[]')
    return Array.isArray(found) ? found : []
  } catch {
    return []
  }
}

/** @param {PastJob} job in place of the one with its id */
export function remember(job) {
  const others = readHistory().filter(({ id }) => id !== job.id)
  localStorage.setItem(NAME, JSON.stringify([job, ...others].slice(0, MOST)))
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
        return create('li', {}, open)
      }),
    )
  }
  button('forget').addEventListener('click', () => {
    localStorage.removeItem(NAME)
    showAll()
  })
  showAll()
  return { showAll }
}
