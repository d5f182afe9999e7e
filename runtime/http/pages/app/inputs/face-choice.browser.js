// Whose mouth is drawn: a click on a person, a frame that is dragged around a face, or their numbers typed.

import { block, element, input, show } from '../dom.browser.js'

const FIELDS = /** @type {const} */ ({ at: ['x', 'y'], box: ['left', 'top', 'right', 'bottom'] })
/** What moves less than this between press and release is a click, in pixels of the screen. */
const SLIP = 6

/** @typedef {'largest' | 'speaking' | 'at' | 'box'} Way */

/**
 * @param {() => number[]} size of the picture: width and height in its own pixels
 * @param {() => void} onPoint when a point is set
 */
export function createFaceChoice(size, onPoint) {
  const stage = block('face-stage')
  const which = element('face-which', HTMLSelectElement)
  const inputs = {
    at: FIELDS.at.map((name) => input(`face-${name}`)),
    box: FIELDS.box.map((name) => input(`face-${name}`)),
  }
  const way = () => /** @type {Way} */ (which.value)

  /** @param {'at' | 'box'} kind */
  function numbers(kind) {
    const values = inputs[kind].map((one) => one.valueAsNumber)
    return way() === kind && values.every(Number.isFinite) ? values : undefined
  }
  /** @param {Way} kind @param {number[]} values in pixels of the picture */
  function choose(kind, values = []) {
    which.value = kind
    if (kind === 'at' || kind === 'box') {
      for (const [index, one] of inputs[kind].entries())
        one.value = String(Math.round(values[index] ?? 0))
    }
    if (kind === 'at') onPoint()
    draw()
  }
  function draw() {
    const [width = 1, height = 1] = size()
    const [at, box] = [numbers('at'), numbers('box')]
    show({
      'face-at': way() === 'at',
      'face-box': way() === 'box',
      'face-point': at !== undefined,
      'face-frame': box !== undefined,
    })
    stage.classList.toggle('framing', way() === 'box')
    place('face-point', at ?? [], width, height)
    place('face-frame', box ?? [], width, height)
  }
  function chooseFirst() {
    const [width = 0, height = 0] = size()
    if (way() === 'at') choose('at', [width / 2, height / 3])
    else if (way() === 'box') choose('box', [width * 0.3, height * 0.1, width * 0.7, height * 0.6])
    else choose(way())
  }

  /** Where a pointer is, in pixels of the picture. @param {PointerEvent} event */
  function pointAt(event) {
    const shown = stage.getBoundingClientRect()
    const [width = 1, height = 1] = size()
    const inside = (/** @type {number} */ share) => Math.min(1, Math.max(0, share))
    return [
      inside((event.clientX - shown.left) / shown.width) * (width - 1),
      inside((event.clientY - shown.top) / shown.height) * (height - 1),
    ]
  }
  stage.addEventListener('pointerdown', (down) => {
    down.preventDefault()
    const [x0 = 0, y0 = 0] = pointAt(down)
    let isDragged = false
    const move = (/** @type {PointerEvent} */ event) => {
      isDragged ||= Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > SLIP
      const [x = 0, y = 0] = pointAt(event)
      if (isDragged)
        choose('box', [Math.min(x0, x), Math.min(y0, y), Math.max(x0, x), Math.max(y0, y)])
    }
    const ended = new AbortController()
    const { signal } = ended
    stage.setPointerCapture(down.pointerId)
    stage.addEventListener('pointermove', move, { signal })
    // A finger that scrolls the page ends in a cancel.
    stage.addEventListener('pointercancel', () => ended.abort(), { signal })
    stage.addEventListener(
      'pointerup',
      () => {
        ended.abort()
        if (!isDragged) choose('at', [x0, y0])
      },
      { signal },
    )
  })
  which.addEventListener('change', chooseFirst)
  for (const one of inputs.at) one.addEventListener('input', () => (onPoint(), draw()))
  for (const one of inputs.box) one.addEventListener('input', draw)

  return {
    /** Of a new picture nothing is chosen. */
    clear: () => choose('largest'),
    at: () => numbers('at'),
    box: () => numbers('box'),
    isSpeaking: () => way() === 'speaking',
  }
}

/** Lays a mark over the picture. @param {string} id @param {number[]} edges @param {number} width @param {number} height */
function place(id, [left = 0, top = 0, right = left, bottom = top], width, height) {
  const { style } = block(id)
  style.left = `${(100 * left) / width}%`
  style.top = `${(100 * top) / height}%`
  style.width = `${(100 * (right - left)) / width}%`
  style.height = `${(100 * (bottom - top)) / height}%`
}
