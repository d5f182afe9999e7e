// The page to try the worker with: submit a job by URLs, watch its events, see the video.

/**
 * @template {HTMLElement} E
 * @param {string} id
 * @param {new () => E} type
 * @returns {E}
 */
function element(id, type) {
  const found = document.getElementById(id)
  if (!(found instanceof type)) throw new TypeError(`the page has no ${type.name} "${id}"`)
  return found
}

const form = element('form', HTMLFormElement)
const sendButton = element('send', HTMLButtonElement)
const cancelButton = element('cancel', HTMLButtonElement)
const bar = element('bar', HTMLProgressElement)
const video = element('video', HTMLVideoElement)
const result = element('result', HTMLPreElement)

/** Path of the job that is shown. */
let jobPath = ''

async function showWorker() {
  const health = await fetch('/health')
    .then((response) => response.json())
    .catch(() => ({ state: 'unreachable' }))
  const facts = [
    health.state,
    health.version && `version ${health.version}`,
    health.bundle && `bundle ${health.bundle.name}`,
    health.engines?.[0]?.device,
  ]
  element('worker', HTMLSpanElement).textContent = facts.filter(Boolean).join(' · ')
}

function showStatus(/** @type {string} */ text, isError = false) {
  const status = element('status', HTMLParagraphElement)
  status.textContent = text
  status.classList.toggle('bad', isError)
}

function showEnd() {
  sendButton.disabled = false
  cancelButton.hidden = true
  void showWorker()
}

/** @param {{ phase: string, progress: number, eta_sec: number | null, metrics: Record<string, number> }} event */
function showProgress({ phase, progress, eta_sec, metrics }) {
  bar.value = progress
  const { frames_done, frames_total } = metrics
  const frames = frames_total ? `, frame ${frames_done} of ${frames_total}` : ''
  const remaining = eta_sec ? `, about ${Math.ceil(eta_sec)} s to go` : ''
  showStatus(phase + frames + remaining)
}

/** @param {{ result: { duration_sec: number, total_time: number, output_url: string } }} event */
function showResult({ result: job }) {
  bar.value = 1
  showStatus(`${job.duration_sec.toFixed(1)} s of video in ${job.total_time.toFixed(1)} s`)
  result.textContent = JSON.stringify(job, null, 2)
  result.hidden = false
  if (/^https?:/.test(job.output_url)) {
    video.src = job.output_url
    video.hidden = false
  }
}

/** @param {{ error: { code: string, message: string } }} event */
const showFailure = ({ error }) => showStatus(`${error.code}: ${error.message}`, true)

function watchJob() {
  const events = new EventSource(`${jobPath}/events`)
  const on = (/** @type {string} */ type, /** @type {(event: any) => void} */ show) =>
    events.addEventListener(type, (message) => {
      if (type !== 'job.progress') {
        events.close()
        showEnd()
      }
      show(JSON.parse(message.data))
    })
  on('job.progress', showProgress)
  on('job.succeeded', showResult)
  on('job.failed', showFailure)
  on('job.canceled', showFailure)
  // A lost connection is opened again by the browser; one that was refused is not.
  events.addEventListener('error', () => {
    if (events.readyState !== EventSource.CLOSED) return showStatus('Waiting for the worker')
    showStatus('The worker no longer knows this job', true)
    showEnd()
  })
}

async function submitJob() {
  const fields = [...new FormData(form)].filter(([, value]) => value !== '')
  element('job', HTMLElement).hidden = false
  sendButton.disabled = true
  video.hidden = result.hidden = true
  bar.value = 0
  showStatus('Sending')
  const response = await fetch('/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(Object.fromEntries(fields)),
  })
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.error.message)
  jobPath = `/jobs/${encodeURIComponent(answer.id)}`
  element('title', HTMLHeadingElement).textContent = `Job ${answer.id}`
  cancelButton.hidden = false
  showStatus('Waiting')
  watchJob()
}

form.addEventListener('submit', (event) => {
  event.preventDefault()
  submitJob().catch((error) => {
    showStatus(error.message, true)
    showEnd()
  })
})
cancelButton.addEventListener('click', () => void fetch(jobPath, { method: 'DELETE' }))
void showWorker()
setInterval(showWorker, 5000)
