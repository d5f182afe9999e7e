// Who speaks: a picture or a video, whose mouth of it, and which part.

import { block, element, show, video } from '../dom.browser.js'
import { createFaceChoice } from './face-choice.browser.js'
import { drawFilmstrip } from './filmstrip.browser.js'
import { frameAt } from './frame-rate.browser.js'
import { createTrimStrip } from './trim-strip.browser.js'
import { createPickedFile } from './picked-file.browser.js'

/** A photo from the camera and a recording say what they are; an address only by its end. */
const STILL = /\.(png|jpe?g|webp|gif|avif|bmp|tiff?)(\?|$)/i

export function createFacePicker() {
  const image = element('face-image', HTMLImageElement)
  const clip = video('face-video')
  const strip = createTrimStrip(block('face-part'), clip, 'video')
  const picked = createPickedFile('face', '/assets/portrait.png', showPicture)
  let isStill = true
  /** The moment of the video that a point was set in, seconds. */
  let moment = 0
  let drawing = new AbortController()

  const picture = () => (isStill ? image : clip)
  const size = () =>
    isStill ? [image.naturalWidth, image.naturalHeight] : [clip.videoWidth, clip.videoHeight]
  const choice = createFaceChoice(size, () => {
    clip.pause()
    moment = isStill ? 0 : clip.currentTime
  })

  function showPicture() {
    const file = picked.current()
    isStill = file ? file.type.startsWith('image/') : STILL.test(picked.preview())
    const isShown = picked.preview() !== ''
    if (isShown) picture().src = picked.preview()
    for (const other of [image, clip]) {
      if (!isShown || other !== picture()) other.removeAttribute('src')
    }
    choice.clear()
    drawing.abort()
    drawing = new AbortController()
    strip.setLength(0)
    if (isShown && !isStill) void drawFilmstrip(picked.preview(), strip.canvas, drawing.signal)
    show({
      'face-stage': isShown,
      'face-image': isShown && isStill,
      'face-video': isShown && !isStill,
      'face-whose': isShown,
      'face-speaking': !isStill,
      'face-shoot': false,
    })
  }

  /** The fields of the job that tell whose mouth, and which part. @returns {Promise<Record<string, object | string>>} */
  async function fields() {
    const [at, box, trim] = [choice.at(), choice.box(), isStill ? undefined : strip.value()]
    const face = at
      ? { at, ...(moment > 0 && { frame: await frameAt(clip.src, moment) }) }
      : { box }
    const named = choice.isSpeaking() ? 'speaking' : (at || box) && face
    return { ...(named && { face: named }), ...(trim && { trim }) }
  }

  return { picked, fields, picture, thumbnail: () => drawThumbnail(picture(), size()) }
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
