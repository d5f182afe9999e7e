import type { lookup, LookupAddress } from 'node:dns'
import { describe, expect, test } from 'vitest'
import { createGuardedFetch, type FetchOptions } from '../../../handler/net/guarded-fetch.ts'
import { shortTimeouts } from '../../helpers/short-timeouts.ts'
import { webServer, type WebServer } from '../../helpers/servers/loopback-server.ts'

const signal = AbortSignal.timeout(300_000)
const LOOPBACKS = ['127.0.0.1', '::1', '0.0.0.0']

/** A lookup that answers each call with the next of these, then with the last. */
function names(...answers: string[][]): typeof lookup {
  let calls = 0
  return ((_host: string, _options: object, done: (e: null, found: LookupAddress[]) => void) => {
    const addresses = answers[Math.min(calls++, answers.length - 1)]!
    const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    setImmediate(() => done(null, found))
  }) as typeof lookup
}

const open = (options: FetchOptions = {}) =>
  createGuardedFetch({ timeouts: shortTimeouts(), ...options })

async function refused(server: WebServer, url: string, options: FetchOptions = {}) {
  const before = server.connections()
  await expect(open(options)(url, { signal, redirects: 5 })).rejects.toMatchObject({
    code: 'BLOCKED_URL',
    retryable: false,
  })
  expect(server.connections()).toBe(before)
}

describe('BLOCKED_URL before anything connects', () => {
  test.each([
    ...['127.0.0.1', '2130706433', '0x7f.1', '0177.0.0.1', '127.1', '127.0.0.1.', '0.0.0.0'],
    ...['[::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::7f00:1]', '[64:ff9b::7f00:1]'],
    ...['localhost', 'LOCALHOST.', 'a.localhost', '169.254.169.254', '10.0.0.1'],
  ])('%s', async (host) => {
    await using server = await webServer((_, response) => void response.end())
    await refused(server, `http://${host}:${server.port}/a`)
  })

  test('a name with one public and one internal address', async () => {
    await using server = await webServer((_, response) => void response.end())
    const lookup = names(['93.184.215.14', '127.0.0.1'])
    await refused(server, `http://mixed.example:${server.port}/`, { lookup })
  })

  test('a name that is public when checked and internal when connected to', async () => {
    await using server = await webServer((_, response) => void response.end())
    const fetch = open({ lookup: names(['93.184.215.14'], ['127.0.0.1']) })
    const url = `http://rebind.example:${server.port}/`
    await fetch.check(url, signal) // sees the public address
    await expect(fetch(url, { signal })).rejects.toMatchObject({ code: 'BLOCKED_URL' })
    expect(server.connections()).toBe(0)
  })

  test.each([
    ['another address', (port: number) => `http://127.0.0.1:${port}/a`],
    ['a name of it', (port: number) => `http://localhost:${port}/a`],
    ['a file', () => 'file:///etc/passwd'],
    ['an address with a password', () => 'http://a:b@example.com/'],
  ])('a redirect to %s', async (_, target) => {
    await using inside = await webServer((_, response) => void response.end('secret'))
    await using outside = await webServer(
      (_, response) => void response.writeHead(302, { location: target(inside.port) }).end(),
      '127.0.0.2',
    )
    const fetch = open({ isBlocked: (address) => LOOPBACKS.includes(address) })
    await expect(fetch(outside.url('/'), { signal, redirects: 5 })).rejects.toMatchObject({
      code: 'BLOCKED_URL',
    })
    expect(outside.seen).toHaveLength(1)
    expect(inside.connections()).toBe(0)
  })

  test('says the host that was given, not what it resolves to', async () => {
    const lookup = names(['10.11.12.13'])
    const error = await open({ lookup })('http://inside.example/', { signal }).catch(String)
    expect(error).toContain('inside.example')
    expect(error).not.toContain('10.11.12.13')
  })
})

test('a name that is unknown for a moment is not unknown for good', async () => {
  await using server = await webServer((_, response) => void response.end())
  let calls = 0
  const flaps = ((_: string, __: object, done: (error: Error | null, found?: object) => void) =>
    calls++ === 0
      ? done(Object.assign(new Error(), { code: 'ENOTFOUND' }))
      : done(null, [{ address: '127.0.0.1', family: 4 }])) as unknown as FetchOptions['lookup'] & {}
  const fetch = open({ isBlocked: () => false, lookup: flaps })
  const url = `http://flaps.example:${server.port}/`
  await expect(fetch(url, { signal })).rejects.toMatchObject({
    ...{ permanent: false, unknownHost: true },
    message: 'has a host name that does not exist',
  })
  await (await fetch(url, { signal })).discard()
  expect(server.seen).toHaveLength(1)
})

describe('check', () => {
  test.each(['http://127.0.0.1/', 'http://[::1]/', 'http://localhost/'])('refuses %s', (url) =>
    expect(open().check(url, signal)).rejects.toMatchObject({ code: 'BLOCKED_URL' }),
  )
  test('lets a name pass that cannot be resolved now', async () => {
    const lookup = ((_: string, __: object, done: (error: Error) => void) =>
      done(new Error('no network'))) as unknown as typeof import('node:dns').lookup
    await open({ lookup }).check('http://later.example/', signal)
  })
  test('does not wait longer for a lookup than for a connection', async () => {
    const lookup = (() => {}) as unknown as typeof import('node:dns').lookup
    await open({ lookup }).check('http://never.example/', signal)
  })
})

test('where private addresses are allowed they are reached', async () => {
  await using server = await webServer((_, response) => void response.end('hello'))
  const answer = await open({ isBlocked: () => false })(server.url('/a'), { signal })
  expect(answer.status).toBe(200)
  let text = ''
  for await (const chunk of answer.body) text += Buffer.from(chunk)
  expect(text).toBe('hello')
})

test('a redirect is not followed unless asked for', async () => {
  await using server = await webServer(
    (_, response) => void response.writeHead(302, { location: '/b' }).end(),
  )
  const fetch = open({ isBlocked: () => false })
  await expect(fetch(server.url('/a'), { signal })).rejects.toThrow('redirects')
  expect(server.seen).toHaveLength(1)
})

test('an aborted request ends with the reason and lets go of its connection', async () => {
  const closed = Promise.withResolvers<void>()
  await using server = await webServer((request) => {
    request.socket.on('close', () => closed.resolve())
    stop.abort(new Error('enough'))
  })
  const stop = new AbortController()
  const fetch = open({ isBlocked: () => false })
  await expect(fetch(server.url('/a'), { signal: stop.signal })).rejects.toThrow('enough')
  await closed.promise
})

test('a server that does not speak TLS is told from one that is not there', async () => {
  await using server = await webServer((_, response) => void response.end())
  const fetch = open({ isBlocked: () => false })
  const talk = fetch(server.origin.replace('http:', 'https:'), { signal })
  await expect(talk).rejects.toMatchObject({ name: 'NetworkError', permanent: true })
  const port = server.port
  await server[Symbol.asyncDispose]()
  await expect(fetch(`http://127.0.0.1:${port}/`, { signal })).rejects.toMatchObject({
    message: 'refused the connection',
    permanent: false,
  })
})

test('credentials go to the server that they are meant for, not to where it redirects', async () => {
  await using other = await webServer((_, response) => void response.end('ok'))
  await using server = await webServer(({ url }, response) => {
    const location = url === '/a' ? '/b' : `http://localhost:${other.port}/c`
    response.writeHead(302, { location }).end()
  })
  const fetch = open({ isBlocked: () => false })
  const headers = { authorization: 'Bearer hush', Cookie: 'hush', accept: 'text/plain' }
  await (await fetch(server.url('/a'), { signal, headers, redirects: 2 })).discard()
  expect(server.seen.map(({ headers }) => headers.authorization)).toEqual(
    Array.from({ length: 2 }, () => 'Bearer hush'),
  )
  expect(other.seen[0]!.headers).toMatchObject({ accept: 'text/plain' })
  expect(JSON.stringify(other.seen)).not.toContain('hush')
})
