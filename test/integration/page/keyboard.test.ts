import { AxeBuilder } from '@axe-core/playwright'
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { folder, readVideo, testFfmpeg } from '../../helpers/media/media.ts'
import { smallPortrait } from '../../helpers/media/portrait.ts'
import { findChromium, openBrowser } from '../../helpers/servers/browser.ts'
import {
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

/** Notes whether the worker still had the job in hand when its video had moved on. */
const WATCH_LIVE = `document.getElementById('live-video').addEventListener('timeupdate', ({ currentTarget }) => {
  if (currentTarget.currentTime === 0 || window.playedWhile) return
  const headers = { authorization: 'Bearer ' + sessionStorage.getItem('musetalk-key') }
  window.playedWhile = fetch('/jobs/' + document.getElementById('job-id').textContent, { headers })
    .then((response) => response.json())
})`

/** Of some 150: the encoder holds back up to 60. */
const FRAMES_TO_SEE = 90

async function enginePid(url: string): Promise<number> {
  const { engines } = (await (await fetch(`${url}/health`)).json()) as {
    engines: [{ pid: number }]
  }
  return engines[0].pid
}

async function framesDone(url: string): Promise<number> {
  const headers = { authorization: 'Bearer the key' }
  const answer = await fetch(`${url}/jobs`, { headers })
  const { jobs } = (await answer.json()) as { jobs: { metrics?: { frames_done?: number } }[] }
  return jobs[0]?.metrics?.frames_done ?? 0
}

test.skipIf(!chromium)(
  'the whole way on a phone in the dark, by keyboard alone: a photo and the microphone, the key, watched, compared, downloaded',
  async () => {
    await using dir = await folder()
    await using server = await startServe({ API_KEY: 'the key' })
    await using browser = await openBrowser(chromium!)
    const ffmpeg = await testFfmpeg()
    await smallPortrait(ffmpeg, dir.file('portrait.png'))
    const phone = { viewport: { width: 390, height: 800 }, colorScheme: 'dark' } as const
    await using at = await openPage(browser, server.url, phone)
    const { page } = at
    const press = (...keys: string[]) =>
      keys.reduce(async (before, key) => {
        await before
        await page.keyboard.press(key)
      }, Promise.resolve())
    /** As whoever has no mouse comes there. */
    const focus = async (id: string) => {
      for (let tries = 0; tries < 200; tries += 1) {
        if ((await page.evaluate('document.activeElement?.id')) === id) return
        await press('Tab')
      }
      throw new Error(`Tab does not reach ${id}`)
    }

    // Listened for early: the browser is told to leave the dialog to us.
    page.on('filechooser', (chooser) => void chooser.setFiles(dir.file('portrait.png')))
    await focus('face-file')
    await press('Enter')
    await page.waitForSelector('#face-image:not([hidden])')
    await focus('speech-record')
    await press('Enter')
    await until(page, `${property('speech-note', 'textContent')}.includes('6 s')`)
    await press('Enter')
    await page.waitForSelector('#speech-part:not([hidden])')
    await page.evaluate(WATCH_LIVE)
    await focus('send')
    await press('Enter')
    await page.waitForSelector('dialog[open]')
    await page.keyboard.type('the key')
    await press('Enter')
    // Held where a browser of a busy machine would be too late: some of it encoded, and not all of it made.
    const pid = await enginePid(server.url)
    await expect.poll(() => framesDone(server.url), { interval: 20 }).toBeGreaterThan(FRAMES_TO_SEE)
    process.kill(pid, 'SIGSTOP')
    try {
      const played = await page.waitForFunction('window.playedWhile', undefined, END)
      expect(await played.jsonValue()).toMatchObject({ status: 'running' })
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    await ended(page)
    const seconds = await duration(page)
    expect(seconds).toBeGreaterThan(0.5) // a busy machine begins to record later than its clock

    // Beside its source: at a moment, enlarged, with more or less of either.
    expect(await page.getAttribute('#before img', 'src')).toMatch(/^blob:/)
    await focus('time')
    await press('End', 'PageDown')
    const moment = await page.evaluate<number>(property('time', 'valueAsNumber'))
    expect(moment).toBeGreaterThan(0)
    await until(page, `Math.abs(${property('after', 'currentTime')} - ${moment}) < 0.01`)
    await press('Home')
    await focus('divide')
    await press('End')
    expect(await page.evaluate(property('before', 'style.clipPath'))).toBe('inset(0px 0% 0px 0px)')
    await focus('zoom')
    await press('End')
    for (const side of ['before', 'after'])
      expect(await page.evaluate(property(side, 'style.scale'))).toBe('4')
    await focus('play')
    await press('Enter')
    await until(page, property('after', 'ended'))
    expect(await page.evaluate(property('time', 'valueAsNumber'))).toBeCloseTo(seconds, 1)

    await focus('download')
    const download = page.waitForEvent('download', END)
    await press('Enter')
    await (await download).saveAs(dir.file('result.mp4'))
    expect((await readFile(dir.file('result.mp4'))).length).toBeGreaterThan(1000)
    const video = await readVideo(ffmpeg, dir.file('result.mp4'))
    expect(video).toMatchObject({ width: 256, height: 256, hasAudio: true })

    expect(await violations(new AxeBuilder({ page }))).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390)
    // The browser writes what it was refused.
    expect(at.errors.filter((one) => !one.includes('401'))).toEqual([])
  },
)
