// What is chosen, as a job: its files are sent first.

import { createAllOptions } from './all-options.browser.js'
import { element, say, seconds } from './dom.browser.js'
import { WorkerRefusal } from './errors.browser.js'
import { estimateJob } from './worker-client.browser.js'

/** @type {Record<string, string>} what the worker does by itself */
const DEFAULTS = { length: 'audio', silence: 'model' }

/**
 * @param {ReturnType<typeof import('./inputs/face-picker.browser.js').createFacePicker>} face
 * @param {ReturnType<typeof import('./inputs/speech-picker.browser.js').createSpeechPicker>} speech
 */
export function createJobForm(face, speech) {
  const more = createAllOptions()

  /** What the form says, as a job. @returns {Promise<import('./history.browser.js').Sent>} */
  async function read() {
    const named = [...new FormData(element('form', HTMLFormElement))].filter(
      ([, value]) => value !== '',
    )
    // Options that the default is chosen of need not be said.
    const options = named.filter(([name, value]) => value !== DEFAULTS[name])
    const rest = more.read()
    const fields = { ...(await face.fields()), ...speech.fields() }
    const [video_url, audio_url] = [await face.picked.address(), await speech.picked.address()]
    return {
      job: { video_url, audio_url, ...Object.fromEntries(options), ...fields, ...rest },
      files: {
        video_url: face.picked.current()?.name,
        audio_url: speech.picked.current()?.name,
      },
    }
  }

  /** What the form says, when its files are at the worker. */
  async function send() {
    if (face.picked.isEmpty()) throw new Error('Choose a video or a photo first')
    if (speech.picked.isEmpty()) throw new Error('Choose or record some speech first')
    say('send-note', 'Sending')
    return read()
  }

  /** Says what would come, and renders nothing. */
  async function estimate() {
    const { job } = await send()
    say('send-note', 'Looking at both files')
    const { refused, ...found } = await estimateJob(job)
    if (refused) throw new WorkerRefusal(refused.code, refused.message)
    const { duration_sec, width, height, fps, faces, expected_sec } = found
    const many = faces.length === 1 ? 'one face' : `${faces.length} faces`
    const wait = expected_sec === null ? '' : `; about ${seconds(expected_sec)} to wait`
    const video = `${duration_sec.toFixed(1)} s of video, ${width} × ${height} at ${+fps.toFixed(2)} frames a second`
    say('send-note', `${many} found; ${video}${wait}`)
  }

  return { send, estimate }
}
