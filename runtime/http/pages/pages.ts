import { Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import { STYLE } from './style.ts'

/** A page to try the worker with: submit a job by URLs, watch it, see the video. */
export function page(): Hono {
  const app = new Hono()
  app.use(
    '/',
    secureHeaders({ contentSecurityPolicy: { defaultSrc: ["'self'", "'unsafe-inline'"] } }),
  )
  app.get('/', (c) => c.html(PAGE))
  return app
}

const SCRIPT = `
const $ = (id) => document.getElementById(id)
let job
const worker = async () => {
  const health = await fetch('/health').then((r) => r.json()).catch(() => ({ state: 'unreachable' }))
  const engine = health.engines?.[0]
  $('worker').textContent = [health.state, health.version && 'version ' + health.version,
    health.bundle && 'bundle ' + health.bundle.name, engine?.device].filter(Boolean).join(' · ')
}
const say = (text, bad) => { $('status').textContent = text; $('status').className = bad ? 'bad' : '' }
const over = () => { $('send').disabled = false; $('cancel').hidden = true; worker() }
$('form').addEventListener('submit', async (event) => {
  event.preventDefault()
  const body = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value !== ''))
  $('send').disabled = true; $('job').hidden = false; $('video').hidden = $('result').hidden = true
  $('bar').value = 0; say('Sending')
  const response = await fetch('/jobs', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const answer = await response.json()
  if (!response.ok) { say(answer.error.message, true); return over() }
  job = answer.id; $('cancel').hidden = false; $('title').textContent = 'Job ' + job; say('Waiting')
  const events = new EventSource('/jobs/' + encodeURIComponent(job) + '/events')
  const watch = (type, then) => events.addEventListener(type, (message) => then(JSON.parse(message.data)))
  const end = (then) => (data) => { events.close(); over(); then(data) }
  watch('job.progress', ({ phase, progress, eta_sec, metrics }) => {
    $('bar').value = progress
    const frames = metrics.frames_total ? ', frame ' + metrics.frames_done + ' of ' + metrics.frames_total : ''
    say(phase + frames + (eta_sec ? ', about ' + Math.ceil(eta_sec) + ' s to go' : ''))
  })
  watch('job.succeeded', end(({ result }) => {
    $('bar').value = 1
    say(result.duration_sec.toFixed(1) + ' s of video in ' + result.total_time.toFixed(1) + ' s')
    $('video').src = result.output_url; $('video').hidden = false
    $('result').textContent = JSON.stringify(result, null, 2); $('result').hidden = false
  }))
  const failed = end(({ error }) => say(error.code + ': ' + error.message, true))
  watch('job.failed', failed); watch('job.canceled', failed)
})
$('cancel').addEventListener('click', () => fetch('/jobs/' + encodeURIComponent(job), { method: 'DELETE' }))
worker(); setInterval(worker, 5000)
`

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>musetalk-worker</title>
<style>${STYLE}</style>
<main>
  <h1>musetalk-worker</h1>
  <p><span id="worker">…</span> · <a href="/docs">API</a></p>
  <form id="form" class="card">
    <h2>New job</h2>
    <label>Video or still of a face (URL)<input name="video_url" type="url" required placeholder="https://…/face.mp4"></label>
    <label>Speech (URL)<input name="audio_url" type="url" required placeholder="https://…/speech.wav"></label>
    <div class="row">
      <label>Length<select name="length"><option value="audio">as the speech<option value="video">as the video<option value="shortest">the shorter of both</select></label>
      <label>Pauses<select name="silence"><option value="model">drawn by the model<option value="source">show the source</select></label>
    </div>
    <button id="send">Make it speak</button>
  </form>
  <section id="job" class="card" hidden>
    <h2 id="title">Job</h2>
    <progress id="bar" max="1" value="0"></progress>
    <p id="status" role="status"></p>
    <button id="cancel" class="plain" hidden>Cancel</button>
    <video id="video" controls hidden></video>
    <pre id="result" hidden></pre>
  </section>
</main>
<script>${SCRIPT}</script>
</html>
`
