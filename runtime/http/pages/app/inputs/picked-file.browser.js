// A file that was chosen, dropped, taken or fetched; or an address. One for the face, one for the speech.

import { block, button, input, say } from '../dom.browser.js'
import { explain, WorkerRefusal } from '../errors.browser.js'
import { hasUpload, uploadFile } from '../worker-client.browser.js'

/**
 * @typedef {{ address(): Promise<string>, preview(): string, current(): File | undefined, isEmpty(): boolean,
 *   choose(file: File): void, chooseExample(): Promise<void> }} PickedFile
 */

const describe = (/** @type {File | undefined} */ file) =>
  file ? `${file.name}, ${(file.size / 1e6).toFixed(1)} MB` : ''

/**
 * @param {'face' | 'speech'} part
 * @param {string} example path of the example that comes with the worker
 * @param {() => void} onChange
 * @returns {PickedFile}
 */
export function createPickedFile(part, example, onChange) {
  const url = input(`${part}-url`)
  const note = `${part}-note`
  /** @type {File | undefined} */
  let file
  /** What the worker calls it, once it was sent there. */
  let stored = ''
  let shown = ''

  /** @param {File} chosen */
  function choose(chosen) {
    file = chosen
    stored = ''
    url.value = ''
    if (shown.startsWith('blob:')) URL.revokeObjectURL(shown)
    shown = URL.createObjectURL(chosen)
    say(note, describe(chosen))
    onChange()
  }
  const chooseFirst = (/** @type {FileList | null | undefined} */ files) => {
    const first = files?.[0]
    if (first) choose(first)
  }

  input(`${part}-file`).addEventListener('change', (event) => {
    chooseFirst(/** @type {HTMLInputElement} */ (event.currentTarget).files)
  })
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing
  // A moment after the last key, and not when the field is left: what is clicked next would move away.
  url.addEventListener('input', () => {
    clearTimeout(typing)
    typing = setTimeout(() => {
      file = undefined
      shown = URL.canParse(url.value) ? url.value : ''
      say(note, '')
      onChange()
    }, 400)
  })
  async function chooseExample() {
    const response = await fetch(example).catch(() => undefined)
    if (!response?.ok) throw new WorkerRefusal('UNREACHABLE', 'the example did not come')
    const bytes = await response.blob()
    choose(new File([bytes], example.split('/').at(-1) ?? '', { type: bytes.type }))
  }
  button(`${part}-example`).addEventListener('click', () => {
    chooseExample().catch((error) => say(note, explain(error).advice, true))
  })
  const zone = block(part)
  for (const type of ['dragover', 'dragleave', 'drop']) {
    zone.addEventListener(type, (event) => {
      event.preventDefault()
      zone.classList.toggle('over', type === 'dragover')
    })
  }
  zone.addEventListener('drop', (event) => chooseFirst(event.dataTransfer?.files))

  return {
    choose,
    chooseExample,
    preview: () => shown,
    current: () => file,
    isEmpty: () => file === undefined && url.value === '',
    async address() {
      if (file === undefined) return url.value
      if (stored && !(await hasUpload(stored))) stored = ''
      stored ||= await uploadFile(file, (share) =>
        say(note, `${describe(file)}: ${Math.floor(share * 100)} % sent`),
      )
      say(note, `${describe(file)}: sent`)
      return stored
    },
  }
}
