import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseRange } from '../../../runtime/http/routes/files.ts'
import { heldApp } from '../../helpers/servers/http-app.ts'

const DIGITS = '0123456789'
let top: string
let root: string

beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), 'files-'))
  root = join(top, 'out')
  await mkdir(join(root, 'a'), { recursive: true })
  await writeFile(join(root, 'a/v.mp4'), DIGITS)
  await writeFile(join(root, 'x.mp4.partial'), DIGITS)
  await writeFile(join(root, '.hidden'), DIGITS)
  await writeFile(join(top, 'secret'), 'secret')
  await symlink(join(top, 'secret'), join(root, 'link.mp4'))
  await symlink(join(root, 'a/v.mp4'), join(root, 'inside.mp4'))
})
afterAll(() => rm(top, { recursive: true }))

const fetchFile = async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
  const { app } = heldApp({ files: root })
  const response = await app.request(`http://worker.test${path}`, { method, headers })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

describe('GET /files', () => {
  test('a result comes whole, with its type and length', async () => {
    const { status, text, headers } = await fetchFile('/files/a/v.mp4')
    expect([status, text]).toEqual([200, DIGITS])
    expect(headers.get('content-type')).toBe('video/mp4')
    expect(headers.get('content-length')).toBe('10')
    expect(headers.get('accept-ranges')).toBe('bytes')
  })

  test.each([
    ['bytes=0-3', 206, '0123', 'bytes 0-3/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=5-500', 206, '56789', 'bytes 5-9/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=0-1,4-5', 200, DIGITS, null],
    ['pages=1-2', 200, DIGITS, null],
  ])('the range %s gives %i %s', async (range, status, text, contentRange) => {
    const answer = await fetchFile('/files/a/v.mp4', { range })
    expect([answer.status, answer.text]).toEqual([status, text])
    expect(answer.headers.get('content-range')).toBe(contentRange)
  })

  test('an unchanged file is not sent again; a range of an older one is not spliced', async () => {
    const etag = (await fetchFile('/files/a/v.mp4')).headers.get('etag')!
    expect((await fetchFile('/files/a/v.mp4', { 'if-none-match': etag })).status).toBe(304)
    const range = { range: 'bytes=0-3' }
    expect((await fetchFile('/files/a/v.mp4', { ...range, 'if-range': etag })).status).toBe(206)
    expect((await fetchFile('/files/a/v.mp4', { ...range, 'if-range': '"old"' })).status).toBe(200)
  })

  test('HEAD tells the length and sends nothing', async () => {
    const { status, text, headers } = await fetchFile('/files/a/v.mp4', {}, 'HEAD')
    expect([status, text, headers.get('content-length')]).toEqual([200, '', '10'])
  })

  test('a link that stays inside is followed', async () => {
    expect((await fetchFile('/files/inside.mp4')).text).toBe(DIGITS)
  })

  test.each([
    '/files/../secret',
    '/files/%2e%2e/secret',
    '/files/..%2fsecret',
    '/files/a/%2e%2e/%2e%2e/secret',
    '/files//etc/passwd',
    '/files/%2fetc%2fpasswd',
    '/files/a\\..\\secret',
    '/files/.hidden',
    '/files/link.mp4',
    '/files/x.mp4.partial',
    '/files/a',
    '/files/',
    '/files/v.mp4%00',
    '/files/nothing.mp4',
  ])('%s is not there', async (path) => {
    const { status, text } = await fetchFile(path)
    expect(status).toBe(404)
    expect(text).not.toContain('secret')
  })
})

test('every byte is in exactly one of the ranges that a file is cut into', () => {
  for (const size of [1, 2, 7, 100]) {
    const cut = Math.ceil(size / 3)
    const [a, b] = [parseRange(`bytes=0-${cut - 1}`, size), parseRange(`bytes=${cut}-`, size)]
    expect(a).toEqual({ start: 0, end: cut - 1 })
    expect(b).toEqual(cut < size ? { start: cut, end: size - 1 } : 'unsatisfiable')
  }
  expect(parseRange('bytes=-0', 10)).toBe('unsatisfiable')
  expect(parseRange('bytes=5-2', 10)).toBeUndefined()
  expect(parseRange('bytes=-', 10)).toBeUndefined()
})
