import type { Browser, BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ffmpeg, folder, H264, testFfmpeg, type Folder } from '../../helpers/media/media.ts'
import { smallPortrait } from '../../helpers/media/portrait.ts'
import { findChromium, openBrowser } from '../../helpers/servers/browser.ts'
import {
  demo,
  duration,
  END,
  ended,
  openContext,
  openTab,
  property,
  until,
} from '../../helpers/servers/page.ts'
import { startServe } from '../../helpers/servers/serve.ts'

const chromium = findChromium()

describe.skipIf(!chromium)('what the page renders, in Chromium (apt-get install chromium)', () => {
  let browser: Browser
  let context: BrowserContext
  let server: Awaited<ReturnType<typeof startServe>>
  let dir: Folder
  beforeAll(async () => {
    dir = await folder()
    ;[browser, server] = await Promise.all([openBrowser(chromium!), startServe(), makeInputs()])
    context = await openContext(browser)
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
  const open = (url = server.url) => openTab(context, url)

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

  test('the key is asked for in the page; a worker that goes away is noticed', async () => {
    await using locked = await startServe({ API_KEY: 'the key' })
    await using at = await open(locked.url)
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
})
