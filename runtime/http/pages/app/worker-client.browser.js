// The worker's HTTP API, as this page uses it. The key stays in the tab.

import { block } from './dom.browser.js'
import { WorkerRefusal } from './errors.browser.js'
import { askForKey, authorization } from './key-dialog.browser.js'

/**
 * A request with the key; asks for it where the worker wants one.
 * @param {string} path
 * @param {RequestInit} init
 * @returns {Promise<Response>}
 */
export async function request(path, init = {}) {
  for (;;) {
    const headers = new Headers(init.headers)
    for (const [name, value] of Object.entries(authorization())) headers.set(name, value)
    const response = await fetch(path, { ...init, headers })
    if (response.status !== 401) return response
    await askForKey()
  }
}

/** The answer's JSON. @throws {WorkerRefusal} for anything but 2xx @param {Response} response */
export async function readAnswer(response) {
  const answer = await response.json().catch(() => ({}))
  if (response.ok) return answer
  const { code = 'UNREACHABLE', message = `the worker answered ${response.status}` } =
    answer.error ?? {}
  throw new WorkerRefusal(code, message, response.status)
}

/** @param {object} job */
export const submitJob = (job) => postJob('/jobs', job)

/** What a job would give, or be refused for. @param {object} job */
export const estimateJob = (job) => postJob('/estimate', job)

/** @param {string} path @param {object} job */
async function postJob(path, job) {
  const headers = { 'content-type': 'application/json' }
  return readAnswer(await request(path, { method: 'POST', headers, body: JSON.stringify(job) }))
}

/** @param {string} id */
export const jobPath = (id) => `/jobs/${encodeURIComponent(id)}`

/**
 * What has become of a job, without asking for a key.
 * @param {string} id
 * @returns {Promise<{ state: string, error?: { code: string, message: string } } | undefined>} undefined where the worker does not say
 */
export async function findJob(id) {
  const response = await fetch(jobPath(id), { headers: authorization() })
  const { status, error } = await response.json()
  if (response.status === 404) return { state: 'unknown', error }
  return response.ok ? { state: status, error } : undefined
}

/** @param {string} id */
export const cancelJob = async (id) => readAnswer(await request(jobPath(id), { method: 'DELETE' }))

/**
 * Stores a file at the worker.
 * @param {Blob} file
 * @param {(share: number) => void} onProgress
 * @returns {Promise<string>} `upload:…`, for a job's *_url
 */
export async function uploadFile(file, onProgress) {
  for (;;) {
    const { status, body } = await sendFile(file, onProgress)
    if (status === 401) await askForKey()
    else if (status >= 200 && status < 300) return body.url
    else {
      const { code = 'UNREACHABLE', message = `the worker answered ${status}` } = body.error ?? {}
      throw new WorkerRefusal(code, message, status)
    }
  }
}

/** Whether the worker still has what it was sent: it forgets that after a while, and when it begins anew. @param {string} url */
export async function hasUpload(url) {
  const { ok } = await request(`/uploads/${url.replace('upload:', '')}`)
  return ok
}

/**
 * By XMLHttpRequest, because fetch does not say how much was sent.
 * @param {Blob} file
 * @param {(share: number) => void} onProgress
 * @returns {Promise<{ status: number, body: any }>}
 */
function sendFile(file, onProgress) {
  return new Promise((resolve, reject) => {
    const sent = new XMLHttpRequest()
    sent.open('POST', '/uploads')
    sent.setRequestHeader('content-type', file.type || 'application/octet-stream')
    for (const [name, value] of Object.entries(authorization())) sent.setRequestHeader(name, value)
    sent.responseType = 'json'
    sent.upload.addEventListener('progress', (event) => onProgress(event.loaded / event.total))
    sent.addEventListener('load', () => resolve({ status: sent.status, body: sent.response ?? {} }))
    sent.addEventListener('error', () =>
      reject(new WorkerRefusal('UNREACHABLE', 'the connection to the worker broke')),
    )
    sent.send(file)
  })
}

/** Says of the worker how it is; never rejects. */
export async function showWorker() {
  const health = await fetch('/health')
    .then((response) => response.json())
    .catch(() => ({ state: 'The worker does not answer' }))
  const { pull } = health
  const facts = [
    pull
      ? `fetching its models, ${Math.floor((100 * pull.bytes) / (pull.bytes_total || 1))} %`
      : health.state,
    health.version && `version ${health.version}`,
    health.bundle && `bundle ${health.bundle.name}`,
    health.engines?.[0]?.device,
  ]
  block('worker').textContent = facts.filter(Boolean).join(' · ')
}
