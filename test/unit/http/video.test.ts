import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { InputError } from '../../../handler/errors.ts'
import { JOB, settle } from '../../helpers/jobs/controlled-jobs.ts'
import { growingFile } from '../../helpers/growing-file.ts'
import { heldApp } from '../../helpers/servers/http-app.ts'

const PATH = '/jobs/a/video'
const STREAMED = { ...JOB, id: 'a', output: { stream: true } }

const growing = growingFile()

/** A job whose render the test plays. */
async function rendering() {
  const held = heldApp()
  await held.post('/jobs', STREAMED)
  const job = await held.next()
  const request = (init?: RequestInit) => held.app.request(`http://worker.test${PATH}`, init)
  return { ...held, job, request }
}

describe('GET /jobs/<id>/video', () => {
  test('gives what is encoded as it comes, to each viewer from the first byte, and ends with it', async () => {
    const { job, get } = await rendering()
    const early = get(PATH)
    await settle()
    job.show(growing.file)
    await growing.append('one ')
    const late = get(PATH)
    await growing.append('two')
    growing.file.complete()
    for (const { status, headers, body } of await Promise.all([early, late])) {
      expect([status, body]).toEqual([200, 'one two'])
      expect(headers.get('content-type')).toBe('video/mp4')
      expect(headers.get('cache-control')).toBe('no-store')
    }
  })

  test('is cut where the render fails, so that nobody takes a part for the whole', async () => {
    const { job, request } = await rendering()
    job.show(growing.file)
    await growing.append('half')
    const { status, body } = await request()
    const reader = body!.getReader()
    expect([status, String.fromCharCode(...((await reader.read()).value ?? []))]).toEqual([
      200,
      'half',
    ])
    const next = reader.read()
    growing.file.fail(new Error('the encoder died'))
    await expect(next).rejects.toThrow('the encoder died')
  })

  test('is 410 with the error’s code for a job that fails before its first frame', async () => {
    const { job, get } = await rendering()
    const answer = get(PATH)
    job.show(growing.file)
    await settle()
    growing.file.fail(new Error('no face'))
    job.fail(new InputError('NO_FACE', 'there is no face'))
    expect(await answer).toMatchObject({ status: 410, body: { error: { code: 'NO_FACE' } } })
    expect((await get(PATH)).status).toBe(410)
  })

  test('begins anew with a render that does', async () => {
    const { job, get } = await rendering()
    job.show(growing.file)
    const answer = get(PATH)
    await settle()
    growing.file.fail(new Error('its engine was lost'))
    const again = growing.beside('again.mp4')
    await writeFile(again.path, 'all of it')
    again.complete()
    job.show(again)
    expect(await answer).toMatchObject({ status: 200, body: 'all of it' })
  })

  test('leads to the stored result afterwards, of any job', async () => {
    const { get, post, next } = heldApp()
    await post('/jobs', { ...JOB, id: 'a' })
    ;(await next()).succeed()
    await settle()
    const answer = await get(PATH)
    expect(answer.status).toBe(302)
    expect(answer.headers.get('location')).toBe('http://worker.test/files/a.mp4')
  })

  test('is 409 for a job that does not stream, 404 for none', async () => {
    const { get, post } = heldApp()
    await post('/jobs', { ...JOB, id: 'a' })
    expect(await get(PATH)).toMatchObject({
      status: 409,
      body: { error: { code: 'NOT_STREAMED' } },
    })
    expect(await get('/jobs/b/video')).toMatchObject({
      ...{ status: 404, body: { error: { code: 'NOT_FOUND' } } },
    })
  })

  test('says by HEAD what would come, without waiting for it', async () => {
    const { request } = await rendering()
    const { status, headers, body } = await request({ method: 'HEAD' })
    expect([status, headers.get('content-type'), body]).toEqual([200, 'video/mp4', null])
  })

  test('goes on for the others when a viewer leaves, before or after its first byte', async () => {
    const { job, request, get } = await rendering()
    const leave = new AbortController()
    const waiting = request({ signal: leave.signal })
    leave.abort()
    expect((await waiting).status).toBe(408)
    job.show(growing.file)
    await growing.append('one ')
    const gone = await request()
    const staying = get(PATH)
    await gone.body!.cancel()
    await growing.append('two')
    growing.file.complete()
    expect((await staying).body).toBe('one two')
    expect(job.signal.aborted).toBe(false)
  })
})
