// Pictures of a video, side by side.

/**
 * Draws them as they come; ends early where the browser cannot show the video, or `signal` says so.
 * @param {string} address
 * @param {HTMLCanvasElement} canvas its width is made to hold whole pictures
 * @param {AbortSignal} signal
 */
export async function drawFilmstrip(address, canvas, signal) {
  const clip = document.createElement('video')
  Object.assign(clip, { muted: true, preload: 'auto', src: address })
  const pen = canvas.getContext('2d')
  pen?.clearRect(0, 0, canvas.width, canvas.height)
  try {
    await once(clip, 'loadeddata', signal)
    const shape = clip.videoWidth / clip.videoHeight
    const count = Math.max(3, Math.min(16, Math.round(canvas.width / (canvas.height * shape))))
    const width = canvas.width / count
    for (let index = 0; index < count; index += 1) {
      clip.currentTime = ((index + 0.5) / count) * clip.duration
      await once(clip, 'seeked', signal)
      // The middle of each, as much as the cell shows.
      const cut = Math.min(clip.videoWidth, (clip.videoHeight * width) / canvas.height)
      const tall = Math.min(clip.videoHeight, (clip.videoWidth * canvas.height) / width)
      const [left, top] = [(clip.videoWidth - cut) / 2, (clip.videoHeight - tall) / 2]
      pen?.drawImage(clip, left, top, cut, tall, index * width, 0, width, canvas.height)
    }
  } catch {
    // Of a video that the browser cannot show there is no strip.
  } finally {
    clip.removeAttribute('src')
    clip.load()
  }
}

/** @param {HTMLMediaElement} media @param {string} type @param {AbortSignal} signal @returns {Promise<void>} */
function once(media, type, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const options = { once: true, signal }
    media.addEventListener(type, () => resolve(), options)
    media.addEventListener(
      'error',
      () => reject(new Error('not a video for this browser')),
      options,
    )
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
