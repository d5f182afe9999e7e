// The page to make a face speak: what is chosen is sent, the job is followed, the result is shown.

import { withStream } from './all-options.browser.js'
import { createCamera } from './inputs/camera.browser.js'
import { createCompare } from './compare.browser.js'
import { block, button, element, say, seconds, show } from './dom.browser.js'
import { adviceFor, explain, WorkerRefusal } from './errors.browser.js'
import { createFacePicker } from './inputs/face-picker.browser.js'
import { createHistory, remember } from './history.browser.js'
import { createJobForm } from './job-form.browser.js'
import { followJob } from './job-events.browser.js'
import { playLive } from './live-video.browser.js'
import { writeSnippet } from './snippets.browser.js'
import { createSpeechPicker } from './inputs/speech-picker.browser.js'
import {
  cancelJob,
  jobPath,
  readAnswer,
  request,
  showWorker,
  submitJob,
} from './worker-client.browser.js'

const form = element('form', HTMLFormElement)
const bar = element('bar', HTMLProgressElement)
const language = element('language', HTMLSelectElement)
const face = createFacePicker()
const speech = createSpeechPicker()
createCamera(face.picked.choose)
const jobForm = createJobForm(face, speech)
const compare = createCompare()
const history = createHistory((job) => void follow(job, false))

/** @type {Record<string, string>} what the phases of a job are called here */
const PHASES = {
  downloading: 'Fetching the files',
  inference: 'Looking at the face, listening to the speech',
  inferring: 'Drawing the mouth',
  encoding: 'Writing the video',
  uploading: 'Storing the result',
}

/** @type {import('./history.browser.js').PastJob | undefined} */
let shown
/** Ends what the job that was shown before still plays. */
let playing = new AbortController()

async function send() {
  const sent = await jobForm.send()
  // Streamed, so that it can be watched while it is rendered.
  const { id } = await submitJob(withStream(sent.job))
  say('send-note', '')
  const at = new Date().toISOString()
  const entry = { id, at, state: 'running', thumbnail: face.thumbnail(), sent }
  note(entry)
  await follow(entry, true)
}

/** Chooses the example and makes it speak. */
async function sendExample() {
  await Promise.all([face, speech].map(({ picked }) => picked.chooseExample()))
  await send()
}

/** @param {import('./history.browser.js').PastJob} job */
function note(job) {
  remember(job)
  history.showAll()
}

/** @param {import('./history.browser.js').PastJob} entry @param {boolean} isNew whether its source is what is chosen above */
async function follow(entry, isNew) {
  shown = entry
  playing.abort()
  const own = (playing = new AbortController())
  compare.hide()
  show({
    job: true,
    live: false,
    raw: false,
    code: false,
    again: false,
    cancel: true,
    'job-help': false,
  })
  block('job-id').textContent = entry.id
  bar.value = 0
  say('job-status', 'Waiting for its turn')
  block('job').scrollIntoView({ block: 'nearest' })
  if (entry.state === 'running') void playLive(entry.id, own.signal).catch(() => {})
  /** @type {import('./job-events.browser.js').JobEvent | undefined} */
  let last
  try {
    await followJob(entry.id, {
      onLost: () => say('job-status', 'The connection is lost; trying again', true),
      onEvent: (event) => {
        last = event
        if (shown === entry) showEvent(event, entry)
      },
    })
    // All events may have been read before.
    const end = last ?? (await readAnswer(await request(jobPath(entry.id))))
    if (shown === entry) await showEnd(end, isNew)
  } catch (error) {
    if (shown === entry) showProblem(error)
    if (error instanceof WorkerRefusal && error.code === 'NOT_FOUND')
      note({ ...entry, state: 'unknown', error: { code: error.code, message: error.message } })
  }
  own.abort()
  if (shown === entry) show({ cancel: false, again: true })
}

/** @param {import('./job-events.browser.js').JobEvent} event @param {import('./history.browser.js').PastJob} entry */
function showEvent({ type, phase, progress, eta_sec, metrics, error }, entry) {
  bar.value = type === 'job.succeeded' ? 1 : progress
  if (type !== 'job.progress') {
    note({ ...entry, state: type.replace('job.', ''), error })
    return
  }
  const { frames_done, frames_total } = metrics
  const frames = frames_total ? `, frame ${frames_done} of ${frames_total}` : ''
  const remaining = eta_sec ? `, about ${seconds(eta_sec)} to go` : ''
  say('job-status', (PHASES[phase] ?? phase) + frames + remaining)
}

/** Shows how a job ended. @param {{ result?: any, error?: { code: string, message: string } }} end @param {boolean} isNew */
async function showEnd({ result, error }, isNew) {
  if (result) {
    say(
      'job-status',
      `${result.duration_sec.toFixed(1)} s of video, made in ${seconds(result.total_time)}`,
    )
    element('result', HTMLPreElement).textContent = JSON.stringify(result, null, 2)
    show({ raw: true, code: shown?.sent !== undefined })
    showSnippet()
    await compare.show(result, isNew ? face.picture() : undefined, shown?.sent?.job ?? {})
  } else if (error) {
    say('job-status', error.message, true)
    block('job-help').textContent = adviceFor(error.code)
    show({ 'job-help': true, live: false })
  } else say('job-status', 'The worker no longer knows this job', true)
}

/** @param {unknown} error */
function showProblem(error) {
  const { what, advice } = explain(error)
  say('job-status', what, true)
  block('job-help').textContent = advice
  show({ 'job-help': advice !== '' })
}

function showSnippet() {
  const { job, files } = shown?.sent ?? {}
  const text = job ? writeSnippet(language.value, job, files ?? {}, location.origin) : ''
  element('snippet', HTMLPreElement).textContent = text
}

/** Does it once at a time, and says what went wrong. @param {() => Promise<void>} work */
async function perform(work) {
  const buttons = ['send', 'estimate', 'example'].map(button)
  for (const one of buttons) one.disabled = true
  try {
    await work()
  } catch (error) {
    const { what, advice } = explain(error)
    say('send-note', [what, advice].filter(Boolean).join('. '), true)
  }
  for (const one of buttons) one.disabled = false
}

form.addEventListener('submit', (event) => {
  event.preventDefault()
  void perform(send)
})
button('example').addEventListener('click', () => void perform(sendExample))
button('estimate').addEventListener('click', () => void perform(jobForm.estimate))
button('cancel').addEventListener(
  'click',
  () => void (shown && cancelJob(shown.id).catch(showProblem)),
)
button('again').addEventListener('click', () => form.requestSubmit())
button('copy').addEventListener('click', () => {
  const copied = navigator.clipboard // browsers have none for pages that come by plain http
    ? navigator.clipboard.writeText(block('snippet').textContent ?? '')
    : Promise.reject(new Error('no clipboard'))
  copied
    .then(() => (button('copy').textContent = 'Copied'))
    .catch(() => (button('copy').textContent = 'The browser does not let this page copy'))
})
language.addEventListener('change', showSnippet)
void showWorker()
setInterval(showWorker, 5000)
// musetalk-worker demo --serve leads here
if (new URLSearchParams(location.search).has('example')) {
  for (const part of ['face', 'speech']) button(`${part}-example`).click()
}
