// What is said: a file, or a recording by the microphone, with its loudness drawn.

import { openDevice } from './device.browser.js'
import { block, button, element, say } from '../dom.browser.js'
import { createTrimStrip } from './trim-strip.browser.js'
import { createPickedFile } from './picked-file.browser.js'
import { drawWaveform } from './waveform.browser.js'

const LONGEST_SEC = 300

export function createSpeechPicker() {
  const audio = element('speech-audio', HTMLAudioElement)
  const strip = createTrimStrip(block('speech-part'), audio, 'recording')
  const record = button('speech-record')
  const picked = createPickedFile('speech', '/assets/speech.wav', showSpeech)
  /** @type {MediaRecorder | undefined} */
  let recorder

  function showSpeech() {
    const isShown = picked.preview() !== ''
    if (isShown) audio.src = picked.preview()
    else audio.removeAttribute('src')
    strip.setLength(0)
    void drawLoudness(picked.current())
  }
  /** @param {File | undefined} file */
  async function drawLoudness(file) {
    strip.canvas.hidden = !file
    const seconds = file && (await drawWaveform(file, strip.canvas))
    if (seconds && picked.current() === file) strip.setLength(seconds)
  }

  async function start() {
    let stream
    try {
      stream = await openDevice({ audio: true })
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
      const type = recorder?.mimeType ?? ''
      picked.choose(new File(parts, `recording.${/mp4/.test(type) ? 'mp4' : 'webm'}`, { type }))
      recorder = undefined
    })
    recorder.start()
    record.textContent = 'Stop'
  }
  record.addEventListener('click', () => {
    if (recorder) recorder.stop()
    else void start()
  })
  /** The fields of the job that tell which part. @returns {Record<string, object>} */
  const fields = () => {
    const speech = strip.value()
    return speech ? { speech } : {}
  }
  return { picked, fields }
}
