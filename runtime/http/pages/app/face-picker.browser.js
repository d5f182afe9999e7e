// Who speaks: the picture, and a frame around one of several faces.

import { block, button, element, input, show, video } from './dom.browser.js'
import { createPickedFile } from './picked-file.browser.js'

const EDGES = /** @type {const} */ (['left', 'top', 'right', 'bottom'])

/** @returns {{ picked: import('./picked-file.browser.js').PickedFile, box(): number[] | undefined, picture(): HTMLImageElement | HTMLVideoElement, thumbnail(): string }} */
export function createFacePicker() {
  const image = element('face-image', HTMLImageElement)
  const clip = video('face-video')
  const stage = block('face-stage')
  const frame = block('face-box')
  const edges = EDGES.map((edge) => input(`box-${edge}`))
  const picked = createPickedFile('face', '/assets/portrait.png', showPicture)
  let isStill = true

  const picture = () => (isStill ? image : clip)
  const size = () =>
    isStill ? [image.naturalWidth, image.naturalHeight] : [clip.videoWidth, clip.videoHeight]

  function showPicture() {
    const file = picked.current()
    isStill = file
      ? file.type.startsWith('image/')
      : /\.(png|jpe?g|webp|gif|avif)(\?|$)/i.test(picked.preview())
    picture().src = picked.preview()
    if (isStill) clip.removeAttribute('src')
    else image.removeAttribute('src')
    chooseAny()
    const isShown = !picked.isEmpty()
    show({
      'face-stage': isShown,
      'face-image': isShown && isStill,
      'face-video': isShown && !isStill,
      'face-pick': isShown,
      'face-shoot': false,
    })
  }

  function chooseAny() {
    for (const edge of edges) edge.value = ''
    show({ 'face-numbers': false, 'face-box': false, 'face-any': false })
    button('face-pick').hidden = false
  }
  function chooseOne() {
    if (!isStill) clip.pause()
    show({ 'face-numbers': true, 'face-any': true, 'face-pick': false })
    const [width = 0, height = 0] = size()
    setBox([width * 0.3, height * 0.1, width * 0.7, height * 0.6])
  }

  /** @param {number[]} box in pixels of the picture */
  function setBox(box) {
    for (const [index, edge] of edges.entries()) edge.value = String(Math.round(box[index] ?? 0))
    drawBox()
  }
  const box = () => {
    const values = edges.map((edge) => edge.valueAsNumber)
    return values.every(Number.isFinite) ? values : undefined
  }
  function drawBox() {
    const at = box()
    frame.hidden = at === undefined
    if (at === undefined) return
    const [width = 1, height = 1] = size()
    const [left = 0, top = 0, right = 0, bottom = 0] = at
    frame.style.left = `${(100 * left) / width}%`
    frame.style.top = `${(100 * top) / height}%`
    frame.style.width = `${(100 * (right - left)) / width}%`
    frame.style.height = `${(100 * (bottom - top)) / height}%`
  }

  /** Where a pointer is, in pixels of the picture. @param {PointerEvent} event */
  function pointAt(event) {
    const shown = picture().getBoundingClientRect()
    const [width = 1, height = 1] = size()
    const inside = (/** @type {number} */ share) => Math.min(1, Math.max(0, share))
    return [
      inside((event.clientX - shown.left) / shown.width) * width,
      inside((event.clientY - shown.top) / shown.height) * height,
    ]
  }
  stage.addEventListener('pointerdown', (down) => {
    if (button('face-any').hidden) return
    down.preventDefault()
    const [x0 = 0, y0 = 0] = pointAt(down)
    const move = (/** @type {PointerEvent} */ event) => {
      const [x = 0, y = 0] = pointAt(event)
      setBox([Math.min(x0, x), Math.min(y0, y), Math.max(x0, x), Math.max(y0, y)])
    }
    stage.setPointerCapture(down.pointerId)
    stage.addEventListener('pointermove', move)
    stage.addEventListener('pointerup', () => stage.removeEventListener('pointermove', move), {
      once: true,
    })
  })

  for (const edge of edges) edge.addEventListener('input', drawBox)
  button('face-pick').addEventListener('click', chooseOne)
  button('face-any').addEventListener('click', chooseAny)

  return { picked, box, picture, thumbnail: () => drawThumbnail(picture(), size()) }
}

/** @param {HTMLImageElement | HTMLVideoElement} picture @param {number[]} size @returns {string} a data: address, or '' */
function drawThumbnail(picture, [width = 0, height = 0]) {
  const canvas = document.createElement('canvas')
  canvas.height = 72
  canvas.width = Math.round((72 * width) / (height || 1))
  try {
    canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height)
    return width > 0 ? canvas.toDataURL('image/jpeg', 0.7) : ''
  } catch {
    return '' // a picture of another site may be shown, but not read
  }
}
