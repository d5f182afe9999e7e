// What every part of the page needs of a document.

/**
 * The element with this id, of this type.
 * @template {HTMLElement} E
 * @param {string} id
 * @param {new () => E} type
 * @returns {E}
 */
export function element(id, type) {
  const found = document.getElementById(id)
  if (!(found instanceof type)) throw new TypeError(`the page has no ${type.name} "${id}"`)
  return found
}

export const button = (/** @type {string} */ id) => element(id, HTMLButtonElement)
export const input = (/** @type {string} */ id) => element(id, HTMLInputElement)
export const video = (/** @type {string} */ id) => element(id, HTMLVideoElement)
export const block = (/** @type {string} */ id) => element(id, HTMLElement)

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {object} properties
 * @param {(Node | string)[]} children
 */
export function create(tag, properties = {}, ...children) {
  const made = document.createElement(tag)
  Object.assign(made, properties)
  made.append(...children)
  return made
}

/** Writes a line that a screen reader says. */
export function say(/** @type {string} */ id, /** @type {string} */ text, isError = false) {
  const line = block(id)
  line.textContent = text
  line.classList.toggle('bad', isError)
}

/** @param {Record<string, boolean>} shown by id */
export function show(shown) {
  for (const [id, isShown] of Object.entries(shown)) block(id).hidden = !isShown
}

export const seconds = (/** @type {number} */ value) =>
  value < 90 ? `${Math.ceil(value)} s` : `${Math.ceil(value / 60)} min`
