// The page for whoever runs the worker: what /health says, every two seconds.

import { block, create, say } from './app/dom.browser.js'

/** @param {string[]} cells */
const row = (...cells) =>
  create('tr', {}, ...cells.map((textContent) => create('td', { textContent })))

/** @param {Record<string, any>} health */
function showHealth({ state, version, revision, bundle, engines = [], pull }) {
  say('state', state, state === 'broken')
  const facts = {
    Version: version,
    Revision: revision ?? 'unknown',
    Bundle: bundle ? `${bundle.name} ${bundle.version} (${bundle.id})` : 'none yet',
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

async function refresh() {
  try {
    const response = await fetch('/health')
    showHealth(await response.json())
  } catch {
    say('state', 'The worker does not answer', true)
  }
}

void refresh()
setInterval(refresh, 2000)
