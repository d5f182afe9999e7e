// A photo by the camera.

import { openDevice } from './device.browser.js'
import { button, say, show, video } from '../dom.browser.js'

/** @param {(file: File) => void} onPhoto */
export function createCamera(onPhoto) {
  const clip = video('face-video')
  /** @type {MediaStream | undefined} */
  let stream

  function close() {
    for (const track of stream?.getTracks() ?? []) track.stop()
    stream = undefined
    clip.srcObject = null
  }
  async function open() {
    try {
      stream = await openDevice({ video: { width: 1280, height: 720 } })
    } catch (error) {
      return say(
        'face-note',
        `There is no camera: ${error instanceof Error ? error.message : error}`,
        true,
      )
    }
    clip.srcObject = stream
    show({ 'face-stage': true, 'face-video': true, 'face-image': false, 'face-shoot': true })
    await clip.play().catch(() => {}) // taken before it played
    button('face-shoot').focus()
  }
  function shoot() {
    const canvas = document.createElement('canvas')
    canvas.width = clip.videoWidth
    canvas.height = clip.videoHeight
    canvas.getContext('2d')?.drawImage(clip, 0, 0)
    close()
    canvas.toBlob(
      (photo) => photo && onPhoto(new File([photo], 'photo.png', { type: photo.type })),
      'image/png',
    )
  }
  button('face-camera').addEventListener('click', () => void open())
  button('face-shoot').addEventListener('click', shoot)
}
