import { readFile } from 'node:fs/promises'
import type { Browser, BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { InputError } from '../../../handler/errors.ts'
import type { Render } from '../../../handler/render/render-task.ts'
import { folder, makeSound, testFfmpeg, type Folder } from '../../helpers/media/media.ts'
import { smallPortrait } from '../../helpers/media/portrait.ts'
import { findChromium, openBrowser } from '../../helpers/servers/browser.ts'
import { webServer } from '../../helpers/servers/loopback-server.ts'
import { END, openContext, openTab, property, until } from '../../helpers/servers/page.ts'
import { pretendedEngine, pushServer } from '../../helpers/servers/worker-server.ts'

const chromium = findChromium()

/** A worker in this process whose engine does this. */
const workerOf = (render: Render) => pushServer({}, { engines: { ...pretendedEngine(), render } })

const untilStopped: Render = (_task, { signal }) =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error))
    signal.throwIfAborted()
  })

describe.skipIf(!chromium)('the page, in Chromium (apt-get install chromium)', () => {
  let browser: Browser
  let context: BrowserContext
  let server: Awaited<ReturnType<typeof pushServer>>
  let dir: Folder
  beforeAll(async () => {
    dir = await folder()
    const found = await testFfmpeg()
    browser = await openBrowser(chromium!)
    context = await openContext(browser)
    server = await pushServer()
    await makeSound(found, dir.file('speech.wav'), 1)
    await smallPortrait(found, dir.file('portrait.png'))
  })
  afterAll(async () => {
    await browser?.close()
    await server?.[Symbol.asyncDispose]()
    await dir?.[Symbol.asyncDispose]()
  })

  /** All tabs are of one browser profile: a test that looks at what is kept has a worker of its own. */
  const open = (path = '/', origin = server.url) => openTab(context, origin + path)

  test('what demo --serve opens has the example chosen', async () => {
    await using at = await open('/?example')
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

  test('a photo by the camera, and a job that fails: what is wrong, and what to do', async () => {
    const nobody = new InputError('NO_FACE', 'no face in the photo', { stage: 'avatar' })
    await using worker = await workerOf(() => Promise.reject(nobody))
    await using at = await open('/', worker.url)
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

  test('one click makes the example speak', async () => {
    await using worker = await workerOf(untilStopped)
    await using at = await open('/', worker.url)
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

  test('a job that the worker has forgotten is said to be, with what to do', async () => {
    await using worker = await pushServer()
    await using at = await open('/', worker.url)
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

  test('a job goes on when the page is loaded again, and can be canceled there', async () => {
    // A picture that begins and does not come: a job would else be done before the page is here again.
    await using stalled = await webServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'image/png' }).write('\x89PNG')
    })
    await using desk = await workerOf(untilStopped)
    await using at = await open('/', desk.url)
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

  test('an example of the page about the API can be sent as it stands', async () => {
    await using at = await open('/docs')
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
})
