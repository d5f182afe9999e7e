import { describe, expect, test } from 'vitest'
import { InputError } from '../../../handler/errors.ts'
import { heldApp } from '../../helpers/servers/http-app.ts'
import { JOB } from '../../helpers/jobs/controlled-jobs.ts'

const PROBES = ['/hc', '/health', '/ready', '/ping', '/metrics']

describe('the key', () => {
  const authorization = (value: string) => ({ headers: { authorization: value } })

  test('is asked for on everything but probes and pages', async () => {
    const { get, post } = heldApp({ apiKey: 'secret', files: '/nowhere' })
    const pages = ['/', '/status', '/docs', '/assets/style.css', '/openapi.json']
    for (const path of [...PROBES, ...pages]) expect((await get(path)).status, path).toBe(200)
    for (const path of ['/jobs/x', '/files/x.mp4', '/v2/e/health', '/nothing']) {
      expect((await get(path)).status, path).toBe(401)
    }
    for (const path of ['/generate', '/jobs', '/run', '/v2/e/runsync']) {
      expect((await post(path, JOB)).status, path).toBe(401)
    }
  })

  test('is taken as a bearer token, as it is, or as the password of a browser', async () => {
    const { get } = heldApp({ apiKey: 'secret' })
    const basic = `Basic ${btoa('me:secret')}`
    for (const value of ['Bearer secret', 'bearer secret', 'secret', basic]) {
      expect((await get('/v2/e/health', authorization(value))).status, value).toBe(200)
    }
    for (const value of [
      'Bearer secre',
      'Bearer secrets',
      'Bearer',
      '',
      `Basic ${btoa('secret:')}`,
    ]) {
      expect((await get('/v2/e/health', authorization(value))).status, value).toBe(401)
    }
  })

  test('is asked for by the browser where an address is opened, and by the page elsewhere', async () => {
    const { get } = heldApp({ apiKey: 'secret' })
    const asked = async (mode: string) =>
      (await get('/jobs/x', { headers: { 'sec-fetch-mode': mode } })).headers.get(
        'www-authenticate',
      )
    expect(await asked('navigate')).toContain('Basic')
    expect(await asked('cors')).toBe('Bearer')
  })

  test('a page of another site cannot send jobs through a browser', async () => {
    const { post, calls } = heldApp()
    const headers = { 'sec-fetch-site': 'cross-site', 'content-type': 'text/plain' }
    expect((await post('/jobs', JOB, { headers })).status).toBe(403)
    expect(calls).toEqual([])
  })
})

describe('probes', () => {
  const answers = async (state: string) => {
    const { get, health } = heldApp()
    Object.assign(health, { state })
    return Promise.all(PROBES.slice(0, 4).map(async (path) => (await get(path)).status))
  }

  test.each([
    ['starting', [200, 200, 503, 204]],
    ['ready', [200, 200, 200, 200]],
    ['busy', [200, 200, 200, 200]],
    ['draining', [200, 200, 503, 503]],
    ['broken', [200, 503, 503, 503]],
  ])('/hc, /health, /ready and /ping of a worker that is %s answer %j', async (state, statuses) => {
    expect(await answers(state)).toEqual(statuses)
  })

  test('a worker that cannot store results is not ready, and says why', async () => {
    const { get, health } = heldApp()
    Object.assign(health, { storage_problem: 'the output directory cannot be written (EACCES)' })
    expect(await get('/ready')).toMatchObject({
      status: 503,
      body: { state: 'ready', storage_problem: expect.stringContaining('EACCES') },
    })
    expect((await get('/ping')).status).toBe(503)
    expect((await get('/health')).status).toBe(200)
  })

  test('/metrics counts outcomes and engines', async () => {
    const { post, get, next } = heldApp()
    const answer = post('/generate', JOB)
    ;(await next()).succeed()
    await answer
    const { body, headers } = await get('/metrics')
    expect(headers.get('content-type')).toContain('text/plain')
    expect(body).toContain('musetalk_jobs_total{channel="generate",outcome="succeeded",code=""} 1')
    expect(body).toContain('musetalk_engine_state{engine="0",state="ready"} 1')
    expect(body).toContain('musetalk_engine_restarts_total{engine="0"} 0')
  })

  test('/metrics counts failures by their stage', async () => {
    const { post, get, next } = heldApp()
    const answer = post('/generate', JOB)
    ;(await next()).fail(new InputError('NO_FACE', 'none', { stage: 'avatar' }))
    await answer
    const { body } = await get('/metrics')
    expect(body).toContain('musetalk_job_failures_total{stage="avatar",code="NO_FACE"} 1')
  })
})

describe('pages', () => {
  test.each(['/', '/status', '/docs'])(
    '%s brings all it needs with it, and allows nothing else',
    async (path) => {
      const { get } = heldApp()
      const page = await get(path)
      expect(page.status).toBe(200)
      expect(page.body).not.toMatch(/(src|href)="(https?:|\/\/)/)
      const policy = page.headers.get('content-security-policy')!
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
      expect(policy).not.toContain('unsafe')
      // Results may lie with any store.
      expect(policy).toContain("media-src 'self' blob: https: http:")
      // What the policy would stop: scripts, handlers and styles inside the page.
      expect(page.body).not.toMatch(/<script(?![^>]* src=)|<style| style=| on\w+=/)

      const assets = page.body.match(/(?<=(src|href)=")\/assets\/[^"]+/g)
      expect(assets!.length).toBeGreaterThan(1)
      for (const asset of assets!) {
        const { status, headers } = await get(asset)
        expect(status, asset).toBe(200)
        const type = asset.endsWith('.css') ? 'text/css' : 'text/javascript'
        expect(headers.get('content-type'), asset).toContain(type)
        expect(headers.get('x-content-type-options')).toBe('nosniff')
      }
    },
  )

  test.each(['/assets/pages.ts', '/assets/..%2fapp.ts', '/assets/toString', '/assets/'])(
    '%s is not there',
    async (path) => {
      const { get } = heldApp()
      expect((await get(path)).status).toBe(404)
    },
  )

  test.each([
    ['PUT', '/jobs', 'GET, HEAD, POST'],
    ['POST', '/jobs/x', 'GET, HEAD, DELETE'],
    ['PATCH', '/ready', 'GET, HEAD'],
  ])('%s %s is a 405 that says what is allowed', async (method, path, allowed) => {
    const answer = await heldApp().app.request(`http://worker.test${path}`, { method })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, allowed])
    expect(await answer.json()).toMatchObject({ error: { code: 'METHOD_NOT_ALLOWED' } })
  })

  test('what is not there is a 404 with a JSON body', async () => {
    const { get } = heldApp()
    expect(await get('/nothing')).toMatchObject({
      status: 404,
      body: { error: { code: 'NOT_FOUND' } },
    })
  })
})
