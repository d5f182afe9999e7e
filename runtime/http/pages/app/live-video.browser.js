// The video while it is rendered: a fragmented mp4, fetched (with the key) into a MediaSource.

import { show, video } from './dom.browser.js'
import { jobPath, request } from './worker-client.browser.js'

/** @returns {typeof MediaSource | undefined} Safari on phones has only the managed one */
const sourceType = () =>
  globalThis.MediaSource ?? /** @type {any} */ (globalThis).ManagedMediaSource

/**
 * Plays a job's video from its first bytes on. Shows nothing where there is none.
 * @param {string} id
 * @param {AbortSignal} signal
 */
export async function playLive(id, signal) {
  const Source = sourceType()
  if (!Source) return
  // Answered when there is something to see.
  const response = await request(`${jobPath(id)}/video`, { signal })
  if (!response.ok || !response.body || response.redirected) return response.body?.cancel()
  const screen = video('live-video')
  const source = new Source()
  // A managed source asks for it.
  screen.disableRemotePlayback = true
  screen.src = URL.createObjectURL(source)
  await once(source, 'sourceopen')
  const reader = response.body.getReader()
  /** @type {SourceBuffer | undefined} */
  let buffer
  let head = new Uint8Array()
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    let bytes = part.value
    if (!buffer) {
      head = concatenate(head, bytes)
      const codecs = readCodecs(head)
      if (codecs === undefined) continue
      const type = `video/mp4; codecs="${codecs}"`
      if (!Source.isTypeSupported(type)) return
      buffer = source.addSourceBuffer(type)
      bytes = head
      show({ live: true })
    }
    buffer.appendBuffer(bytes)
    await once(buffer, 'updateend')
    if (screen.paused && screen.currentTime === 0) void screen.play().catch(() => {})
  }
  if (source.readyState === 'open') source.endOfStream()
}

/**
 * The codecs of a movie header (ISO 14496-15, avcC): `avc1.640020,mp4a.40.2`; undefined while it is not whole.
 * @param {Uint8Array} head
 */
export function readCodecs(head) {
  const text = new TextDecoder('latin1').decode(head)
  const at = text.indexOf('avcC')
  if (at < 0 || !text.includes('moof')) return undefined
  const profile = [...head.subarray(at + 5, at + 8)].map((byte) =>
    byte.toString(16).padStart(2, '0'),
  )
  return `avc1.${profile.join('')}${text.includes('mp4a') ? ',mp4a.40.2' : ''}`
}

/** @param {Uint8Array} first @param {Uint8Array} second */
function concatenate(first, second) {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}

/** @param {EventTarget} target @param {string} type */
const once = (target, type) =>
  new Promise((resolve) => target.addEventListener(type, resolve, { once: true }))
