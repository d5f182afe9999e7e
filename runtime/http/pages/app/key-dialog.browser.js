// Asks for the worker's key. It stays in the tab.

import { create } from './dom.browser.js'

const NAME = 'musetalk-key'

/** @returns {Record<string, string>} the header that brings the key, where there is one */
export function authorization() {
  const key = sessionStorage.getItem(NAME)
  return key === null ? {} : { authorization: `Bearer ${key}` }
}

/** One question, however many requests were refused. @type {Promise<void> | undefined} */
let asking

/** Resolves when a key was given. @returns {Promise<void>} */
export function askForKey() {
  asking ??= openDialog().finally(() => (asking = undefined))
  return asking
}

/** @returns {Promise<void>} */
function openDialog() {
  const key = create('input', { type: 'password', autocomplete: 'off', required: true })
  const wrong = sessionStorage.getItem(NAME) !== null
  const dialog = create(
    'dialog',
    { ariaLabel: 'Key of the worker' },
    create(
      'form',
      { method: 'dialog' },
      create('h2', { textContent: wrong ? 'That is not the key' : 'This worker asks for a key' }),
      create('p', {
        textContent: 'It is the worker’s API_KEY. It stays in this tab and is forgotten with it.',
      }),
      create('label', {}, 'Key', key),
      create('button', { textContent: 'Go on' }),
    ),
  )
  document.body.append(dialog)
  dialog.showModal()
  dialog.addEventListener('cancel', (event) => event.preventDefault())
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      sessionStorage.setItem(NAME, key.value)
      dialog.remove()
      resolve()
    })
  })
}
