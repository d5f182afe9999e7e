// A part of a recording: two ends on its picture that are dragged, moved by arrows, or typed; and a place in it that is shown.

import { create } from '../dom.browser.js'

/** Shorter parts are slips of the hand, seconds. */
const SHORTEST = 0.1

/**
 * @typedef {{ from: number, to: number, at: number }} Ends seconds; `at` is the moment that is shown
 * @typedef {{ canvas: HTMLCanvasElement, value(): { from?: number, to?: number } | undefined, setLength(seconds: number): void }} TrimStrip
 */

/**
 * Moves one end, which stays within the length and before, or behind, the other.
 * @param {Ends} ends @param {keyof Ends} which @param {number} seconds @param {number} length
 * @returns {Ends}
 */
export function moveEnd(ends, which, seconds, length) {
  const { from, to } = ends
  const lowest = which === 'to' ? from + SHORTEST : 0
  const highest = which === 'from' ? to - SHORTEST : length
  const moved = Math.max(lowest, Math.min(highest, seconds))
  // The end itself is not rounded: nothing is to be lost behind it.
  return { ...ends, [which]: moved === length ? length : Math.round(moved * 100) / 100 }
}

/** What a key does to an end; undefined where nothing. @param {string} key @param {number} seconds @param {number} length */
export function movedBy(key, seconds, length) {
  const steps = { ArrowLeft: -0.1, ArrowDown: -0.1, ArrowRight: 0.1, ArrowUp: 0.1 }
  const leaps = { PageDown: -1, PageUp: 1, Home: -length, End: length }
  const by = /** @type {Record<string, number>} */ ({ ...steps, ...leaps })[key]
  return by === undefined ? undefined : seconds + by
}

/**
 * @param {HTMLElement} host is filled, and shown while it is known how long the recording is
 * @param {HTMLMediaElement} media what is played, and moved to where an end is
 * @param {string} name of what this is a part of: "video"
 * @returns {TrimStrip}
 */
export function createTrimStrip(host, media, name) {
  let length = 0
  /** @type {Ends} */
  let ends = { from: 0, to: 0, at: 0 }
  const canvas = create('canvas', { width: 1200, height: 96 })
  canvas.setAttribute('aria-hidden', 'true')
  const outside = [
    create('div', { className: 'outside' }),
    create('div', { className: 'outside end' }),
  ]
  const handles = {
    from: handle('from', `Start of the ${name}`),
    to: handle('to', `End of the ${name}`),
    at: handle('at', `Shown moment of the ${name}`),
  }
  const strip = create('div', { className: 'strip' }, canvas, ...outside)
  strip.append(handles.at, handles.from, handles.to)
  const [from, to] = [number(), number()]
  const play = create('button', { type: 'button', className: 'plain', textContent: 'Play' })
  const all = create('button', { type: 'button', className: 'plain', textContent: 'All of it' })
  const numbers = create('div', { className: 'numbers' }, play)
  numbers.append(
    create('label', {}, 'from ', from, ' s'),
    create('label', {}, 'to ', to, ' s'),
    all,
  )
  host.replaceChildren(strip, numbers)

  function number() {
    return create('input', { type: 'number', min: '0', step: '0.1' })
  }
  /** @param {keyof Ends} which @param {string} label */
  function handle(which, label) {
    const made = create('div', { className: `handle ${which}`, tabIndex: 0 })
    made.setAttribute('role', 'slider')
    made.setAttribute('aria-label', label)
    made.addEventListener('keydown', (event) => {
      const moved = movedBy(event.key, ends[which], length)
      if (moved === undefined) return
      event.preventDefault()
      move(which, moved)
    })
    return made
  }

  /** @param {keyof Ends} which @param {number} seconds */
  function move(which, seconds) {
    ends = moveEnd(ends, which, seconds, length)
    media.pause()
    media.currentTime = ends[which]
    ends.at = ends[which]
    draw()
  }
  function draw() {
    const share = (/** @type {number} */ seconds) => `${(100 * seconds) / (length || 1)}%`
    for (const which of /** @type {const} */ (['from', 'to', 'at'])) {
      const made = handles[which]
      made.style.left = share(ends[which])
      made.setAttribute('aria-valuemin', '0')
      made.setAttribute('aria-valuemax', length.toFixed(1))
      made.setAttribute('aria-valuenow', ends[which].toFixed(1))
      made.setAttribute('aria-valuetext', `${ends[which].toFixed(1)} seconds`)
    }
    if (outside[0]) outside[0].style.width = share(ends.from)
    if (outside[1]) outside[1].style.left = share(ends.to)
    from.value = ends.from.toFixed(1)
    to.value = ends.to.toFixed(1)
    for (const input of [from, to]) input.max = length.toFixed(1)
    all.hidden = value() === undefined
  }
  function value() {
    const part = {
      ...(ends.from > 0 && { from: ends.from }),
      ...(ends.to < length && { to: ends.to }),
    }
    return Object.keys(part).length > 0 ? part : undefined
  }

  /** @param {PointerEvent} event */
  function secondsAt(event) {
    const { left, width } = strip.getBoundingClientRect()
    return ((event.clientX - left) / width) * length
  }
  strip.addEventListener('pointerdown', (down) => {
    const grasped = Object.entries(handles).find(([, made]) => made === down.target)?.[0]
    const which = /** @type {keyof Ends} */ (grasped ?? 'at')
    down.preventDefault()
    handles[which].focus()
    strip.setPointerCapture(down.pointerId)
    const drag = (/** @type {PointerEvent} */ event) => move(which, secondsAt(event))
    if (!grasped) drag(down)
    strip.addEventListener('pointermove', drag)
    const release = () => strip.removeEventListener('pointermove', drag)
    strip.addEventListener('lostpointercapture', release, { once: true })
  })
  from.addEventListener('change', () => move('from', from.valueAsNumber || 0))
  to.addEventListener('change', () => move('to', to.valueAsNumber || length))
  all.addEventListener('click', () => {
    ends = { ...ends, from: 0, to: length }
    draw()
    handles.from.focus()
  })

  const follow = () => {
    ends.at = Math.min(media.currentTime, length)
    if (!media.paused && ends.at >= ends.to) media.pause()
    draw()
    if (!media.paused) requestAnimationFrame(follow)
  }
  play.addEventListener('click', () => {
    if (!media.paused) return media.pause()
    if (media.currentTime < ends.from || media.currentTime >= ends.to - 0.05)
      media.currentTime = ends.from
    void media.play().catch(() => {})
  })
  media.addEventListener('play', () => {
    play.textContent = 'Pause'
    requestAnimationFrame(follow)
  })
  media.addEventListener('pause', () => (play.textContent = 'Play'))
  media.addEventListener('loadedmetadata', () => setLength(media.duration))

  /** The first who knows says it: what a browser has recorded does not. 0 is a new recording. @param {number} seconds */
  function setLength(seconds) {
    const isKnown = length > 0
    if (!Number.isFinite(seconds) || (isKnown && seconds > 0)) return
    length = seconds
    host.hidden = seconds === 0
    ends = { from: 0, to: seconds, at: 0 }
    draw()
  }
  return { canvas, value, setLength }
}
