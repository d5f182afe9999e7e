// Which frame of a video is shown: browsers tell seconds, a job names frames.

/** Rates that videos have; what is measured is one of them, or stays as it is. */
const COMMON = [24000 / 1001, 24, 25, 30000 / 1001, 30, 50, 60000 / 1001, 60]

/** @param {number[]} times of frames that were shown, seconds; some may be missing */
export function rateOf(times) {
  const steps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
  const rate = 1 / Math.min(...steps.filter((step) => step > 0.001))
  return COMMON.find((common) => Math.abs(common - rate) < common * 0.0005) ?? rate
}

/**
 * The number of the frame that is shown at a time, measured by a few frames that are played aside.
 * @param {string} address of the video
 * @param {number} seconds
 * @returns {Promise<number>}
 * @throws {Error} where the browser does not tell
 */
export async function frameAt(address, seconds) {
  if (seconds === 0) return 0
  const clip = document.createElement('video')
  // So slowly that a busy machine shows each frame.
  Object.assign(clip, { muted: true, src: address, defaultPlaybackRate: 0.2 })
  try {
    const times = await playFrames(clip, 8)
    // A seek ends within the frame; its edge is no whole number of seconds.
    return Math.floor(seconds * rateOf(times) + 0.01)
  } finally {
    clip.removeAttribute('src')
    clip.load()
  }
}

/** @param {HTMLVideoElement} clip @param {number} count @returns {Promise<number[]>} when frames are shown, by the video's clock */
function playFrames(clip, count) {
  return new Promise((resolve, reject) => {
    /** @type {number[]} */
    const times = []
    const fail = () =>
      reject(new Error('This browser does not say which frame is shown: point at the first one'))
    if (!clip.requestVideoFrameCallback) return fail()
    const onFrame = (/** @type {number} */ _, /** @type {VideoFrameCallbackMetadata} */ frame) => {
      times.push(frame.mediaTime)
      if (times.length >= count) resolve(times)
      else clip.requestVideoFrameCallback(onFrame)
    }
    clip.requestVideoFrameCallback(onFrame)
    clip.addEventListener('ended', () => (times.length > 1 ? resolve(times) : fail()))
    clip.addEventListener('error', fail)
    clip.play().catch(fail)
  })
}
