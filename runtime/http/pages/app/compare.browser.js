// Source and result in one place: in step, with a line between the two, and the mouth enlarged.

import { block, button, element, input, show, video } from './dom.browser.js'
import { authorization } from './key-dialog.browser.js'
import { request } from './worker-client.browser.js'

/** @typedef {{ output_url: string, width: number, height: number, face?: { box: number[] } }} Result */

/** About where the mouth is, as shares of the picture. @param {Result} result @returns {[number, number]} */
export function mouthOf({ width, height, face }) {
  const [left = 0, top = 0, right = width, bottom = height] = face?.box ?? []
  return [(left + right) / 2 / width, (top + 0.75 * (bottom - top)) / height]
}

/**
 * What stays in its place when a picture is enlarged so that a point comes to the middle, as far as there is picture around it.
 * @param {number} point share of the width or height @param {number} zoom @returns {number} the same share
 */
export const originOf = (point, zoom) =>
  zoom === 1 ? point : Math.min(1, Math.max(0, (zoom * point - 0.5) / (zoom - 1)))

/** @typedef {{ length?: string, trim?: { from?: number, to?: number } }} Shown of a job, what decides which moment of the source is shown */

/**
 * The second of the source that a second of the result shows.
 * @param {number} time of the result @param {number} duration of the result @param {number} whole length of the source @param {Shown} job
 */
export function sourceTime(time, duration, whole, { length: way = 'audio', trim = {} }) {
  const from = trim.from ?? 0
  const length = Math.min(trim.to ?? whole, whole) - from
  if (way === 'remap') return from + (time * length) / duration
  if (way === 'loop') return from + (time % length)
  const turn = time % (2 * length)
  return from + (turn < length ? turn : 2 * length - turn)
}

export function createCompare() {
  const after = video('after')
  const before = block('before')
  const pair = block('pair')
  const [divide, time, zoom] = [input('divide'), input('time'), input('zoom')]
  /** @type {HTMLVideoElement | undefined} */
  let source
  /** @type {Shown} */
  let job = {}
  /** What is enlarged, as shares of the picture. */
  let focus = [0.5, 0.5]

  const inStep = () => {
    time.value = String(after.currentTime)
    if (source && Number.isFinite(source.duration)) {
      const wanted = sourceTime(after.currentTime, after.duration, source.duration, job)
      if (Math.abs(source.currentTime - wanted) > 0.06) source.currentTime = wanted
    }
  }
  const draw = () => {
    pair.style.setProperty('--divide', `${divide.value}%`)
    before.style.clipPath = `inset(0 ${100 - divide.valueAsNumber}% 0 0)`
    const origin = focus.map((point) => `${100 * originOf(point, zoom.valueAsNumber)}%`).join(' ')
    for (const side of [before, after]) {
      side.style.scale = zoom.value
      side.style.transformOrigin = origin
    }
  }
  const togglePlay = () => (after.paused ? void after.play() : after.pause())
  const onFrame = () => {
    inStep()
    if (!after.paused) requestAnimationFrame(onFrame)
  }
  after.addEventListener('play', () => {
    button('play').textContent = 'Pause'
    requestAnimationFrame(onFrame)
  })
  after.addEventListener('pause', () => (button('play').textContent = 'Play'))
  after.addEventListener('loadedmetadata', () => {
    time.max = String(after.duration)
    pair.style.aspectRatio = `${after.videoWidth} / ${after.videoHeight}`
  })
  time.addEventListener('input', () => {
    after.currentTime = time.valueAsNumber
    inStep()
  })
  divide.addEventListener('input', draw)
  zoom.addEventListener('input', draw)
  button('play').addEventListener('click', togglePlay)
  // What is clicked is what is enlarged.
  pair.addEventListener('click', (event) => {
    const { left, top, width, height } = pair.getBoundingClientRect()
    const at = [(event.clientX - left) / width, (event.clientY - top) / height]
    // Where the click is in the picture that is enlarged already.
    const from = focus.map((point) => originOf(point, zoom.valueAsNumber))
    focus = at.map((share, i) => (share - (from[i] ?? 0)) / zoom.valueAsNumber + (from[i] ?? 0))
    if (zoom.valueAsNumber === 1) zoom.value = '2.5'
    draw()
  })

  return {
    /** @param {Result} result @param {HTMLImageElement | HTMLVideoElement | undefined} picture @param {Shown} shownJob */
    async show(result, picture, shownJob) {
      job = shownJob
      focus = mouthOf(result)
      zoom.value = '1'
      const address = result.output_url
      const own = await ownAddress(address)
      after.src = own
      const link = element('download', HTMLAnchorElement)
      link.href = own
      link.download = address.split('/').at(-1)?.split('?')[0] ?? 'result.mp4'
      before.replaceChildren()
      source = undefined
      if (picture?.src) {
        const copy = /** @type {HTMLImageElement | HTMLVideoElement} */ (picture.cloneNode())
        copy.removeAttribute('id')
        copy.hidden = false
        if (copy instanceof HTMLVideoElement) {
          copy.controls = false
          copy.muted = true
          source = copy
        }
        before.append(copy)
        divide.value = '50'
      } else divide.value = '0'
      draw()
      show({ compare: true, live: false })
    },
    hide() {
      after.pause()
      show({ compare: false })
    },
  }
}

/** A video of this worker needs the key, which a <video> cannot send. @param {string} address */
async function ownAddress(address) {
  const isOwn = new URL(address, location.href).origin === location.origin
  if (!isOwn || Object.keys(authorization()).length === 0) return address
  const response = await request(address)
  return response.ok ? URL.createObjectURL(await response.blob()) : address
}
