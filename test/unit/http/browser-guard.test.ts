import { describe, expect, test } from 'vitest'
import { heldApp } from '../../helpers/servers/http-app.ts'
import { JOB } from '../../helpers/jobs/controlled-jobs.ts'

type Headers = Record<string, string>
const BROWSER = { 'user-agent': 'Mozilla/5.0 (X11) Firefox/150.0' }
const SECURE = { 'sec-fetch-site': 'same-origin' }

async function statusOf(method: string, headers: Headers, options = {}): Promise<number> {
  const { app } = heldApp(options)
  const path = method === 'POST' ? '/jobs' : '/openapi.json'
  const init = { method, headers, ...(method === 'POST' && { body: JSON.stringify(JOB) }) }
  return (await app.request(`http://127.0.0.1:8000${path}`, init)).status
}
const json = (headers: Headers) => ({ 'content-type': 'application/json', ...headers })

describe('a page that sends a job', () => {
  test.each<[string, number, Headers]>([
    ['of this worker', 202, { host: 'localhost:8000', origin: 'http://localhost:8000', ...SECURE }],
    ['by an address', 202, { host: '10.0.0.7:8000', origin: 'http://10.0.0.7:8000' }],
    ['by IPv6', 202, { host: '[::1]:8000', origin: 'http://[::1]:8000' }],
    ['by a name of the network', 202, { host: 'gpu-box:8000', origin: 'http://gpu-box:8000' }],
    ['behind TLS', 202, { host: 'w.example.com', origin: 'https://w.example.com', ...SECURE }],
    [
      'behind TLS that names us otherwise',
      202,
      { host: '127.0.0.1:8000', origin: 'https://w.example.com', ...SECURE },
    ],
    ['of another site', 403, { host: 'localhost:8000', origin: 'http://evil.example' }],
    ['of no origin', 403, { host: 'localhost:8000', origin: 'null' }],
    [
      'of another port of localhost',
      403,
      { host: 'localhost:8000', origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' },
    ],
    ['that says no origin, of another site', 403, { 'sec-fetch-site': 'cross-site' }],
    [
      'whose own name was bound to us',
      421,
      { host: 'evil.example:8000', origin: 'http://evil.example:8000', ...SECURE },
    ],
    ['that says no host at all', 421, { host: ':', origin: 'http://evil.example' }],
  ])('%s: %i', async (_, status, headers) => {
    expect(await statusOf('POST', json(headers))).toBe(status)
  })

  test.each(['', 'text/plain', 'text/plain;charset=UTF-8', 'application/x-www-form-urlencoded'])(
    'as "%s" is refused: that needs no permission anywhere',
    async (type) => {
      const own = { host: 'localhost:8000', origin: 'http://localhost:8000', 'content-type': type }
      expect(await statusOf('POST', own)).toBe(415)
    },
  )

  test('to cancel a job has no type: a page must ask before that anyway', async () => {
    const { app } = heldApp()
    const headers = { host: 'localhost:8000', origin: 'http://localhost:8000' }
    // A server does not know of a request without a length whether it has a body.
    const request = { method: 'DELETE', headers, body: '' }
    expect((await app.request('http://localhost:8000/jobs/none', request)).status).toBe(404)
  })

  test('whose origin is on the list is let in, and may read the answer', async () => {
    const { app } = heldApp({ corsOrigins: ['https://app.example.com'], apiKey: 'secret' })
    const origin = 'https://app.example.com'
    const preflight = await app.request('http://w.example.com/jobs', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin)
    const headers = json({ origin, host: 'w.example.com', authorization: 'Bearer secret' })
    const sent = await app.request('http://w.example.com/jobs', {
      ...{ method: 'POST', headers, body: JSON.stringify(JOB) },
    })
    expect([sent.status, sent.headers.get('access-control-allow-origin')]).toEqual([202, origin])
    const other = await app.request('http://w.example.com/jobs', {
      ...{ method: 'POST', headers: { ...headers, origin: 'https://b.example.com' }, body: '{}' },
    })
    expect([other.status, other.headers.get('access-control-allow-origin')]).toEqual([421, null])
  })

  test('no page may read across origins where none is listed', async () => {
    const { app } = heldApp()
    const init = { headers: { origin: 'https://app.example.com' } }
    const answer = await app.request('http://localhost:8000/health', init)
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  })
})

describe('a page that reads', () => {
  test.each<[string, number, Headers]>([
    ['by an address', 200, { host: '192.168.1.9', ...BROWSER }],
    ['behind TLS', 200, { host: 'w.example.com', ...BROWSER, ...SECURE }],
    ['by a name that was bound to us', 421, { host: 'evil.example:8000', ...BROWSER }],
    ['by a trailing dot', 421, { host: 'evil.example.:8000', ...BROWSER }],
  ])('%s: %i', async (_, status, headers) => {
    expect(await statusOf('GET', headers)).toBe(status)
  })

  test('by a name that the worker was told of is served', async () => {
    const headers = { host: 'W.example.com:8000', ...BROWSER }
    expect(await statusOf('GET', headers, { allowedHosts: ['w.example.com'] })).toBe(200)
    const publicBaseUrl = 'http://w.example.com:8000'
    expect(await statusOf('GET', headers, { publicBaseUrl })).toBe(200)
  })
})

test('a program may send what it likes, by any name', async () => {
  const host = 'worker-3.prod.example.com:8000'
  expect(await statusOf('GET', { host })).toBe(200)
  expect(await statusOf('POST', { host, 'content-type': 'text/plain' })).toBe(202)
})
