// How loud a recording is, from its begin to its end.

/** More than that is not read into the page's memory, bytes. */
const LARGEST = 200e6

/**
 * @param {Blob} file
 * @param {HTMLCanvasElement} canvas
 * @returns {Promise<number | undefined>} how long the recording is, seconds; undefined where the browser cannot say
 */
export async function drawWaveform(file, canvas) {
  const pen = canvas.getContext('2d')
  if (!pen) return undefined
  const { width, height } = canvas
  pen.clearRect(0, 0, width, height)
  if (file.size > LARGEST) return undefined
  const context = new OfflineAudioContext(1, 1, 8000)
  /** @type {AudioBuffer} */
  let sound
  try {
    sound = await context.decodeAudioData(await file.arrayBuffer())
  } catch {
    return undefined // not every format that the worker takes is a browser's
  }
  pen.fillStyle = getComputedStyle(canvas).color
  const peaks = readPeaks(sound.getChannelData(0), width / 4)
  const loudest = Math.max(...peaks, 0.01)
  for (const [index, peak] of peaks.entries()) {
    const bar = Math.max(2, (peak / loudest) * height)
    pen.fillRect(index * 4, (height - bar) / 2, 3, bar)
  }
  return sound.duration
}

/** The loudest sample of each of `count` stretches. @param {Float32Array} samples @param {number} count */
export function readPeaks(samples, count) {
  return Array.from({ length: count }, (_, bar) => {
    const from = Math.floor((bar / count) * samples.length)
    const to = Math.floor(((bar + 1) / count) * samples.length)
    let peak = 0
    for (let at = from; at < to; at += 1) peak = Math.max(peak, Math.abs(samples[at] ?? 0))
    return peak
  })
}
