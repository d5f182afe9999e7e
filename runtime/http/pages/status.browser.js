// The page for whoever runs the worker: what /health says, every two seconds.

import { block, button, create, say, show } from './app/dom.browser.js'
import { authorization } from './app/key-dialog.browser.js'
import { request } from './app/worker-client.browser.js'

const LAST = 20

/** @param {string[]} cells */
const row = (...cells) =>
  create('tr', {}, ...cells.map((textContent) => create('td', { textContent })))

/** @param {Record<string, any>} health */
function showHealth({ state, version, revision, bundle, engines = [], pull, source, ...health }) {
  say('state', state, state === 'broken')
  const facts = {
    Version: version,
    Revision: revision ?? 'unknown',
    Bundle: bundle ? `${bundle.name} ${bundle.version} (${bundle.id})` : 'none yet',
    ...(source && {
      Source: [source.name, source.reason ?? (source.reachable ? 'reached' : 'not reached')].join(
        ': ',
      ),
    }),
    ...(health['storage_problem'] && { Storage: health['storage_problem'] }),
    ...(pull && {
      Fetching: `${pull.file ?? pull.phase}, ${(pull.bytes / 1e6).toFixed(0)} of ${(pull.bytes_total / 1e6).toFixed(0)} MB`,
    }),
  }
  block('worker').replaceChildren(
    ...Object.entries(facts).map(([name, textContent]) =>
      create(
        'tr',
        {},
        create('th', { scope: 'row', textContent: name }),
        create('td', { textContent }),
      ),
    ),
  )
  block('engines').replaceChildren(
    ...engines.map((/** @type {any} */ engine) =>
      row(
        String(engine.index),
        [engine.state, engine.reason].filter(Boolean).join(': '),
        engine.device ?? '',
        String(engine.jobs),
        String(engine.restarts),
        engine.rss_mb === undefined ? '' : `${Math.round(engine.rss_mb)} MB`,
        String(engine.pid ?? ''),
      ),
    ),
  )
}

/** What is to be known of a job, in a line. @param {Record<string, any>} job */
function tell({ status, position, phase, progress, result, error }) {
  if (error) return `${error.code}: ${error.message}`
  if (result)
    return `${result.duration_sec.toFixed(1)} s of video in ${result.total_time.toFixed(1)} s`
  if (status === 'queued') return position === undefined ? '' : `place ${position}`
  return phase ? `${phase}, ${Math.floor(100 * (progress ?? 0))} %` : ''
}

/** The last jobs, where they may be seen without a question. */
async function showJobs() {
  const response = await fetch(`/jobs?limit=${LAST}`, { headers: authorization() })
  const isLocked = response.status === 401
  show({ unlock: isLocked, 'jobs-table': !isLocked })
  if (isLocked) return say('queue', '')
  const { jobs } = await response.json()
  const count = (/** @type {string} */ status) =>
    jobs.filter((/** @type {any} */ job) => job.status === status).length
  say('queue', `${count('running')} running, ${count('queued')} waiting; the last ${LAST}`)
  block('jobs').replaceChildren(
    ...jobs.map((/** @type {any} */ job) =>
      row(job.id, new Date(job.created_at).toLocaleString(), job.status, tell(job)),
    ),
  )
}

button('unlock').addEventListener('click', () => void request('/jobs?limit=1').then(refresh))

async function refresh() {
  try {
    const response = await fetch('/health')
    showHealth(await response.json())
    await showJobs()
  } catch {
    say('state', 'The worker does not answer', true)
  }
}

void refresh()
setInterval(refresh, 2000)
