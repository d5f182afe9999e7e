import { readFile } from 'node:fs/promises'
import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, BrowserContextOptions } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ffmpeg, folder, H264, testFfmpeg, type Folder } from '../../helpers/media/media.ts'
import { smallPortrait } from '../../helpers/media/portrait.ts'
import { findChromium, openBrowser } from '../../helpers/servers/browser.ts'
import { webServer } from '../../helpers/servers/loopback-server.ts'
import {
  demo,
  duration,
  END,
  ended,
  openPage,
  property,
  until,
  violations,
} from '../../helpers/servers/page.ts'
import { startServe } from '../../helpers/servers/serve.ts'

const chromium = findChromium()
/** Rules of axe about what is seen. */
const LOOKS = ['color-contrast', 'link-in-text-block', 'scrollable-region-focusable']

describe.skipIf(!chromium)('the page, in Chromium (apt-get install chromium)', () => {
  let browser: Browser
  let server: Awaited<ReturnType<typeof startServe>>
  let dir: Folder
  beforeAll(async () => {
    dir = await folder()
    ;[browser, server] = await Promise.all([openBrowser(chromium!), startServe(), makeInputs()])
  })
  afterAll(async () => {
    await browser?.close()
    await server?.[Symbol.asyncDispose]()
    await dir?.[Symbol.asyncDispose]()
  })

  /** The portrait and the speech of the demo, small. */
  async function makeInputs() {
    const found = await testFfmpeg()
    const speech = ['-t', '4', '-i', demo('speech.wav'), dir.file('speech.wav')]
    await ffmpeg(found.path, ['-v', 'error', ...speech])
    await smallPortrait(found, dir.file('portrait.png'))
  }
  const open = (options: BrowserContextOptions = {}, path = '/') =>
    openPage(browser, path.startsWith('/') ? server.url + path : path, options)

  test('a photo and a recording of this machine become a video that is compared and downloaded', async () => {
    await using at = await open()
    const { page } = at
    await page.setInputFiles('#face-file', dir.file('portrait.png'))
    await page.setInputFiles('#speech-file', dir.file('speech.wav'))
    // Fields that the page has not named itself, as the worker describes them.
    await page.click('summary:text("Options")')
    await page.click('#all-options summary')
    await page.fill('[data-path="fps"]', '10')
    await page.selectOption('[data-path="output.fit"]', '"source"')
    await page.fill('[data-path="metadata"]', '{ "take": }')
    await page.click('#send')
    await until(
      page,
      `${property('send-note', 'textContent')}.includes('metadata: that is not JSON')`,
    )
    await page.fill('[data-path="metadata"]', '{ "take": 3 }')
    const sent = page.waitForRequest(
      (one) => one.method() === 'POST' && one.url().endsWith('/jobs'),
    )
    await page.click('#send')
    await ended(page)
    expect(await duration(page)).toBeCloseTo(4, 1)
    // It was to be seen before it was finished.
    expect(await page.evaluate(property('live-video', 'buffered.length'))).toBeGreaterThan(0)
    // The source lies over the result, left of the line.
    expect(await page.getAttribute('#before img', 'src')).toMatch(/^blob:/)
    await page.fill('#divide', '30')
    expect(await page.evaluate(property('before', 'style.clipPath'))).toBe('inset(0px 70% 0px 0px)')
    const download = page.waitForEvent('download')
    await page.click('#download')
    expect((await download).suggestedFilename()).toMatch(/\.mp4$/)
    await page.click('#code summary')
    for (const [language, send] of [
      ['curl', "-T 'portrait.png'"],
      ['typescript', 'worker.uploads.send("portrait.png")'],
      ['python', 'open("portrait.png", "rb")'],
    ] as const) {
      await page.selectOption('#language', language)
      await page.click('#copy')
      await until(page, `${property('copy', 'textContent')} === 'Copied'`)
      const copied = await page.evaluate<string>('navigator.clipboard.readText()')
      expect(copied).toContain(send)
      expect(copied).toContain('"fps": 10')
      expect(copied).toBe(await page.textContent('#snippet'))
    }
    expect(JSON.parse((await page.textContent('#result'))!)).toMatchObject({
      fps: 10,
      metadata: { take: 3 },
    })
    expect(await page.textContent('#history')).toContain('finished')
    expect(at.errors).toEqual([])

    // What the worker has forgotten meanwhile is sent once more.
    const { video_url } = (await sent).postDataJSON() as Record<string, string>
    const upload = `${server.url}/uploads/${video_url!.replace('upload:', '')}`
    expect((await fetch(upload, { method: 'DELETE' })).status).toBe(204)
    await page.click('#again')
    await page.waitForSelector('#cancel:not([hidden])', END)
    await ended(page)
  })

  test('a photo by the camera without a face: what is wrong, and what to do', async () => {
    await using at = await open()
    const { page } = at
    await page.click('#face-camera')
    await until(page, `${property('face-video', 'videoWidth')} > 0`)
    await page.click('#face-shoot')
    await page.waitForSelector('#face-image:not([hidden])')
    expect(await page.textContent('#face-note')).toContain('photo.png')
    expect(at.errors).toEqual([])
    await page.click('#speech-example')
    await page.waitForSelector('#speech-part:not([hidden])')
    await page.click('#send')
    await page.waitForSelector('#job-help:not([hidden])', END)
    expect(await page.textContent('#job-help')).toContain('draw a frame around it')
    const told = [await page.textContent('#job-status'), await page.textContent('#job-help')]
    await page.reload()
    const earlier = await page.textContent('#history')
    for (const words of ['failed', ...told]) expect(earlier).toContain(words)
  })

  test('a job that the worker has forgotten is said to be, with what to do', async () => {
    await using at = await open()
    const { page } = at
    const past = (id: string, state: string) => ({ id, state, at: new Date(), thumbnail: '' })
    const jobs = JSON.stringify([past('running then', 'started'), past('done then', 'succeeded')])
    await page.evaluate(`localStorage.setItem('musetalk-jobs', ${JSON.stringify(jobs)})`)
    // What had not ended is asked for when the page comes.
    await page.reload()
    await page.waitForSelector('#history li:first-child:has-text("forgotten")')
    expect(await page.textContent('#history li:first-child')).toContain('Make it again')
    expect(await page.textContent('#history li:last-child')).toContain('finished')
    await page.click('#history li:last-child button')
    await page.waitForSelector('#job-help:not([hidden])')
    expect(await page.textContent('#job-status')).toContain('there is no job "done then"')
    expect(await page.textContent('#job-help')).toContain('Make it again')
    expect(await page.textContent('#history li:last-child')).toContain('forgotten')
  })

  test('one click makes the example speak', async () => {
    await using at = await open()
    const { page } = at
    const sent = page.waitForRequest(
      (one) => one.method() === 'POST' && one.url().endsWith('/jobs'),
    )
    await page.click('#example')
    expect(Object.keys((await sent).postDataJSON())).toEqual(['video_url', 'audio_url', 'output'])
    await page.waitForSelector('#cancel:not([hidden])')
    expect(await page.getAttribute('#history img', 'src')).toMatch(/^data:image/)
    await page.click('#cancel')
    await until(page, `/cancel/.test(${property('job-status', 'textContent')})`)
    // Its video is 410, where it had none yet; the browser writes that.
    expect(at.errors.filter((one) => !one.includes('410'))).toEqual([])
  })

  test('what demo --serve opens has the example chosen', async () => {
    await using at = await open({}, '/?example')
    const { page } = at
    await until(page, `${property('face-image', 'naturalWidth')} === 512`)
    await page.waitForSelector('#speech-part:not([hidden])')
    expect(await page.textContent('#face-note')).toContain('portrait.png')
    expect(await page.textContent('#speech-note')).toContain('speech.wav')
    expect(await page.isEnabled('#send')).toBe(true)
    expect(at.errors).toEqual([])
  })

  test('what is dropped is chosen', async () => {
    await using at = await open()
    const { page } = at
    const drop = async (part: string, name: string, type: string) => {
      const bytes = (await readFile(dir.file(name))).toString('base64')
      await page.evaluate(`{
          const bytes = Uint8Array.from(atob('${bytes}'), (one) => one.charCodeAt(0))
          const dataTransfer = new DataTransfer()
          dataTransfer.items.add(new File([bytes], '${name}', { type: '${type}' }))
          const event = { dataTransfer, bubbles: true, cancelable: true }
          const over = new DragEvent('dragover', event)
          document.getElementById('${part}').dispatchEvent(over)
          if (!over.defaultPrevented) throw new Error('nothing may be dropped')
          document.getElementById('${part}').dispatchEvent(new DragEvent('drop', event))
        }`)
      await until(page, `${property(`${part}-note`, 'textContent')}.startsWith('${name}')`)
    }
    await drop('face', 'portrait.png', 'image/png')
    await until(page, `${property('face-image', 'naturalWidth')} === 256`)
    await drop('speech', 'speech.wav', 'audio/wav')
    await page.waitForSelector('#speech-part:not([hidden])')
    expect(at.errors).toEqual([])
  })

  test('nothing chosen, and an address that is not fetched, are said at once', async () => {
    await using at = await open()
    const { page } = at
    await page.click('#send')
    expect(await page.textContent('#send-note')).toContain('Choose a video or a photo first')
    await page.fill('#face-url', 'http://10.0.0.1/face.mp4')
    await page.click('#speech-example')
    await page.waitForSelector('#speech-part:not([hidden])')
    await page.click('#send')
    await page.waitForSelector('#job-help:not([hidden])', END)
    expect(await page.textContent('#job-help')).toContain('private addresses')
  })

  test('one of several people: by a frame that is dragged, by numbers, by none', async () => {
    await using at = await open()
    const { page } = at
    await page.click('#face-example')
    await page.waitForSelector('#face-image:not([hidden])')
    await until(page, `${property('face-image', 'naturalWidth')} > 0`)
    const stage = (await page.locator('#face-stage').boundingBox())!
    await page.mouse.move(stage.x + stage.width * 0.25, stage.y + stage.height * 0.25)
    await page.mouse.down()
    await page.mouse.move(stage.x + stage.width * 0.75, stage.y + stage.height * 0.5)
    await page.mouse.up()
    const edges = await page.evaluate<number[]>(
      `[...document.querySelectorAll('#face-box input')].map((one) => one.valueAsNumber)`,
    )
    for (const [index, wanted] of [128, 128, 384, 256].entries()) {
      expect(Math.abs(edges[index]! - wanted)).toBeLessThan(4)
    }
    await page.selectOption('#face-which', 'at')
    await page.fill('#face-x', '128')
    expect(await page.isHidden('#face-frame')).toBe(true)
    expect(await page.evaluate(property('face-point', 'style.left'))).toBe('25%')
    await page.selectOption('#face-which', 'largest')
    expect(await page.isHidden('#face-point')).toBe(true)
  })

  test('a part of a video and of a recording, and who is clicked on in a later frame', async () => {
    const clip = dir.file('clip.mp4')
    const still = [
      '-loop',
      '1',
      '-framerate',
      '30000/1001',
      '-t',
      '1.5',
      '-i',
      demo('portrait.png'),
    ]
    await ffmpeg((await testFfmpeg()).path, [...still, '-vf', 'scale=256:256', ...H264, clip])
    await using at = await open()
    const { page } = at
    await page.setInputFiles('#face-file', clip)
    await page.setInputFiles('#speech-file', demo('speech.wav'))
    const handle = (part: string, end: string) => page.locator(`#${part}-part .handle.${end}`)
    await handle('face', 'from').waitFor()
    await handle('face', 'from').press('ArrowRight')
    await handle('face', 'from').press('ArrowRight')
    await handle('face', 'at').press('ArrowRight')
    expect(await handle('face', 'at').getAttribute('aria-valuetext')).toBe('0.3 seconds')
    const strip = (await page.locator('#speech-part .strip').boundingBox())!
    const end = (await handle('speech', 'to').boundingBox())!
    await page.mouse.move(end.x + end.width / 2, end.y + end.height / 2)
    await page.mouse.down()
    await page.mouse.move(strip.x + strip.width * 0.1, end.y)
    await page.mouse.up()
    const stage = (await page.locator('#face-stage').boundingBox())!
    await page.mouse.click(stage.x + stage.width * 0.43, stage.y + stage.height * 0.25)
    await page.click('#estimate')
    await until(page, `${property('send-note', 'textContent')}.includes('one face found')`)
    const sent = page.waitForRequest(
      (request) => request.method() === 'POST' && request.url().endsWith('/jobs'),
    )
    await page.click('#send')
    const job = (await sent).postDataJSON() as Record<string, any>
    expect(job).toMatchObject({ trim: { from: 0.2 }, face: { frame: 9 } })
    expect(Math.abs(job['face'].at[0] - 110)).toBeLessThan(3)
    expect(job['speech'].from).toBe(undefined)
    expect(Math.abs(job['speech'].to - 0.71)).toBeLessThan(0.1)
    await ended(page)
    const { frames, face } = JSON.parse((await page.textContent('#result'))!)
    expect(frames).toBe(Math.round((job['speech'].to * 30_000) / 1001))
    expect(face.chosen).toBe('at')
    expect(at.errors).toEqual([])
  })

  test('a job goes on when the page is loaded again, and can be canceled there', async () => {
    // A picture that begins and does not come: a job would else be done before the page is here again.
    await using stalled = await webServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'image/png' }).write('\x89PNG')
    })
    await using desk = await startServe({ ALLOW_PRIVATE_URLS: 'true' })
    await using at = await open({}, desk.url)
    const { page } = at
    await page.fill('#face-url', stalled.url('/face.png'))
    await page.click('#speech-example')
    await page.waitForSelector('#speech-part:not([hidden])')
    await page.click('#send')
    await page.waitForSelector('#cancel:not([hidden])', END)
    const status = await page.context().newPage()
    await status.goto(`${desk.url}/status`)
    await status.waitForSelector('#jobs td')
    expect(await status.textContent('#jobs')).toContain(await page.textContent('#job-id'))
    await page.reload()
    await page.click('#history button')
    await page.click('#cancel')
    await until(page, `/cancel/.test(${property('job-status', 'textContent')})`)
  })

  test('the key is asked for in the page; a worker that goes away is noticed', async () => {
    await using locked = await startServe({ API_KEY: 'the key' })
    await using at = await open({}, locked.url)
    const { page } = at
    await page.click('#face-example')
    await page.click('#speech-example')
    await page.waitForSelector('#speech-part:not([hidden])')
    await page.fill('#speech-part label:has-text("to") input', '1')
    await page.click('#send')
    await page.fill('dialog input', 'a wrong key')
    await page.click('dialog button')
    await page.waitForSelector('text=That is not the key')
    await page.fill('dialog input', 'the key')
    await page.click('dialog button')
    await ended(page)
    expect(await duration(page)).toBeCloseTo(1, 1)
    expect(await page.getAttribute('#after', 'src')).toMatch(/^blob:/)

    await page.click('#speech-part button:text("All of it")')
    await page.click('#again')
    await page.waitForSelector('#cancel:not([hidden])', END)
    locked.kill()
    await until(page, `${property('job-status', 'textContent')}.includes('connection is lost')`)
    await until(page, `${property('worker', 'textContent')}.includes('does not answer')`)
  })

  test('an example of the page about the API can be sent as it stands', async () => {
    await using at = await open({}, '/docs')
    const { page } = at
    const jobs = page.locator('details', {
      has: page.locator('summary', { hasText: 'POST/jobs' }),
    })
    await jobs.locator('summary').click()
    await jobs.getByRole('button', { name: 'Send' }).click()
    await jobs.locator('pre', { hasText: '"created_at"' }).waitFor()
    expect(await jobs.locator('textarea').inputValue()).not.toContain('upload:demo')
    expect(at.errors).toEqual([])
  })

  test.each(['/', '/status', '/docs'])('axe finds nothing in light or dark: %s', async (path) => {
    await using at = await open({ viewport: { width: 1100, height: 800 } }, path)
    const { page } = at
    if (path === '/') {
      await page.click('#face-example')
      await page.click('#speech-example')
      await page.waitForSelector('#speech-part:not([hidden])')
      await page.selectOption('#face-which', 'box')
      for (const summary of await page.$$('form summary')) await summary.click()
    } else await until(page, `document.querySelectorAll('td, details').length > 3`)
    for (const [colorScheme, width] of [
      ['light', 1100],
      ['dark', 390],
    ] as const) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width, height: 800 })
      const axe = new AxeBuilder({ page })
      // What else it knows does not depend on colors and sizes.
      if (colorScheme === 'dark') axe.withRules(LOOKS)
      expect(await violations(axe)).toEqual([])
      const needed = await page.evaluate<number>('document.documentElement.scrollWidth')
      expect(needed).toBeLessThanOrEqual(width)
    }
    expect(at.errors).toEqual([])
  })
})
