// What is said: a file, or a recording by the microphone, with its loudness drawn.

import { button, element, say } from './dom.browser.js'
import { createPickedFile } from './picked-file.browser.js'

const LONGEST_SEC = 300

/** @returns {import('./picked-file.browser.js').PickedFile} */
export function createSpeechPicker() {
  const audio = element('speech-audio', HTMLAudioElement)
  const canvas = element('waveform', HTMLCanvasElement)
  const record = button('speech-record')
  const picked = createPickedFile('speech', '/assets/speech.wav', showSpeech)
  /** @type {MediaRecorder | undefined} */
  let recorder

  function showSpeech() {
    audio.hidden = picked.isEmpty()
    audio.src = picked.preview()
    canvas.hidden = true
    const file = picked.current()
    if (file) void drawWaveform(file, canvas)
  }

  async function start() {
    let stream
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true })
    } catch (error) {
      return say(
        'speech-note',
        `There is no microphone: ${error instanceof Error ? error.message : error}`,
        true,
      )
    }
    /** @type {Blob[]} */
    const parts = []
    recorder = new MediaRecorder(stream)
    recorder.addEventListener('dataavailable', (event) => parts.push(event.data))
    const begun = Date.now()
    const clock = setInterval(() => {
      const passed = (Date.now() - begun) / 1000
      say('speech-note', `Recording, ${passed.toFixed(0)} s`)
      if (passed > LONGEST_SEC) recorder?.stop()
    }, 250)
    recorder.addEventListener('stop', () => {
      clearInterval(clock)
      for (const track of stream.getTracks()) track.stop()
      record.textContent = 'Record'
      picked.choose(new Blob(parts, { type: recorder?.mimeType ?? '' }), 'your recording')
      recorder = undefined
    })
    recorder.start()
    record.textContent = 'Stop'
  }
  record.addEventListener('click', () => {
    if (recorder) recorder.stop()
    else void start()
  })
  return picked
}

/** @param {Blob} file @param {HTMLCanvasElement} canvas */
async function drawWaveform(file, canvas) {
  const pen = canvas.getContext('2d')
  if (!pen) return
  const context = new OfflineAudioContext(1, 1, 8000)
  /** @type {AudioBuffer} */
  let sound
  try {
    sound = await context.decodeAudioData(await file.arrayBuffer())
  } catch {
    return // not every format that the worker takes is a browser's
  }
  const samples = sound.getChannelData(0)
  const { width, height } = canvas
  pen.clearRect(0, 0, width, height)
  pen.fillStyle = getComputedStyle(canvas).color
  const peaks = Array.from({ length: width / 4 }, (_, bar) => {
    const from = Math.floor((bar / (width / 4)) * samples.length)
    const to = Math.floor(((bar + 1) / (width / 4)) * samples.length)
    let peak = 0
    for (let at = from; at < to; at += 1) peak = Math.max(peak, Math.abs(samples[at] ?? 0))
    return peak
  })
  const loudest = Math.max(...peaks, 0.01)
  for (const [index, peak] of peaks.entries()) {
    const bar = Math.max(2, (peak / loudest) * height)
    pen.fillRect(index * 4, (height - bar) / 2, 3, bar)
  }
  canvas.hidden = false
}
