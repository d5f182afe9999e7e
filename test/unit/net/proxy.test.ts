import type { lookup, LookupAddress } from 'node:dns'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { createGuardedFetch, createTrustedFetch } from '../../../handler/net/guarded-fetch.ts'
import { proxyFor } from '../../../handler/net/proxy.ts'
import { shortTimeouts } from '../../helpers/short-timeouts.ts'
import { webServer } from '../../helpers/servers/loopback-server.ts'

describe('NO_PROXY names what is reached directly', () => {
  const direct = (bypass: string, url: string) =>
    proxyFor(new URL(url), { http: 'http://p', https: 'http://p', bypass }) === undefined
  test.each([
    ['*', 'http://any.example'],
    ['example.com', 'https://example.com'],
    ['example.com', 'https://a.b.example.com'],
    ['.example.com', 'https://a.example.com'],
    ['*.example.com', 'https://a.example.com'],
    ['a.test, EXAMPLE.com ,b.test', 'https://example.com'],
    ['example.com:8080', 'http://example.com:8080'],
    ['example.com:443', 'https://example.com'],
    ['10.0.0.0/8', 'http://10.1.2.3:9000'],
    ['127.0.0.1', 'http://127.0.0.1:1'],
    ['::1', 'http://[::1]:1'],
    ['fd00::/8', 'http://[fd00::1]/'],
  ])('%s: %s', (bypass, url) => expect(direct(bypass, url)).toBe(true))
  test.each([
    ['', 'http://any.example'],
    ['example.com', 'https://notexample.com'],
    ['example.com:8080', 'http://example.com'],
    ['10.0.0.0/8', 'http://11.0.0.1'],
    ['10.0.0.0/8', 'http://ten.example'],
    ['127.0.0.1', 'http://127.0.0.10'],
  ])('%s, but not %s', (bypass, url) => expect(direct(bypass, url)).toBe(false))
  test('a proxy is for its own kind of address', () => {
    const settings = { http: 'http://h', bypass: '' }
    expect(proxyFor(new URL('http://a.test'), settings)).toBe('http://h')
    expect(proxyFor(new URL('https://a.test'), settings)).toBeUndefined()
    expect(proxyFor(new URL('http://a.test'), undefined)).toBeUndefined()
  })
})

/** A proxy that takes all to one server, and writes down what it was asked for. */
async function proxyTo(port: number, status = 200) {
  const asked: string[] = []
  const server: Server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.host}`)
    response.end('by the proxy')
  })
  server.on('connect', (request, socket, head) => {
    asked.push(`CONNECT ${request.url}`)
    if (status !== 200) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`)
    const target = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      target.write(head)
      target.pipe(socket).pipe(target)
    })
    for (const end of [target, socket]) end.on('error', () => target.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    asked,
    settings: { http: url, https: url, bypass: '' },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

const found = (...addresses: string[]) =>
  ((_host: string, _options: object, done: (e: null, all: LookupAddress[]) => void) =>
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )) as unknown as typeof lookup
const { signal } = new AbortController()

describe('behind a proxy', () => {
  test('strangers’ addresses are asked for as they were checked: never by name', async () => {
    await using server = await webServer((_, response) => void response.end('hello'))
    await using proxy = await proxyTo(server.port)
    const fetch = createGuardedFetch({
      ...{ proxy: proxy.settings, timeouts: shortTimeouts() },
      lookup: found('2606:2800:220:1::1', '93.184.215.14'),
    })
    await (await fetch('http://media.example/a.mp4', { signal })).discard()
    expect(proxy.asked).toEqual(['CONNECT 93.184.215.14:80'])
    expect(server.seen[0]).toMatchObject({ path: '/a.mp4', headers: { host: 'media.example' } })
  })

  test.each([
    ['a name that is internal here', 'http://inside.example/', ['10.0.0.1']],
    ['a name of both kinds', 'http://mixed.example/', ['93.184.215.14', '127.0.0.1']],
    ['an internal address', 'http://169.254.169.254/', []],
    ['localhost', 'https://localhost/', []],
  ])('the guard stands: %s', async (_, url, addresses) => {
    await using proxy = await proxyTo(1)
    const fetch = createGuardedFetch({ proxy: proxy.settings, lookup: found(...addresses) })
    await expect(fetch(url, { signal })).rejects.toMatchObject({ code: 'BLOCKED_URL' })
    expect(proxy.asked).toEqual([])
  })

  test('a name that is unknown here is not given to the proxy to look up', async () => {
    await using proxy = await proxyTo(1)
    const lookup = ((_: string, __: object, done: (error: Error) => void) =>
      done(
        Object.assign(new Error(), { code: 'ENOTFOUND' }),
      )) as unknown as typeof import('node:dns').lookup
    const fetch = createGuardedFetch({ proxy: proxy.settings, lookup })
    await expect(fetch('https://a.example/', { signal })).rejects.toMatchObject({
      unknownHost: true,
    })
    expect(proxy.asked).toEqual([])
  })

  test('the operator’s own addresses are asked for by name', async () => {
    await using proxy = await proxyTo(1)
    const fetch = createTrustedFetch(proxy.settings)
    await (await fetch('http://orchestrator.internal/claim', { signal })).discard()
    expect(proxy.asked).toEqual(['GET http://orchestrator.internal/claim orchestrator.internal'])
  })

  test('what a proxy refuses is told as that, and may pass', async () => {
    await using proxy = await proxyTo(1, 407)
    const fetch = createTrustedFetch(proxy.settings, shortTimeouts())
    await expect(fetch('https://a.example/', { signal })).rejects.toMatchObject({
      ...{ permanent: false, message: 'cannot be reached: the proxy answered with status 407' },
    })
    expect(proxy.asked).toEqual(['CONNECT a.example:443'])
  })
})
