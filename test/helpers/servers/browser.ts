import { accessSync, constants } from 'node:fs'
import { chromium, type Browser, type Page } from 'playwright-core'

/** Where a distribution puts Chromium; undefined where there is none. */
export function findChromium(): string | undefined {
  const places = [
    process.env['CHROMIUM_PATH'],
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
  ]
  return places.find((path) => {
    try {
      if (path) accessSync(path, constants.X_OK)
      return path !== undefined
    } catch {
      return false
    }
  })
}

/** A browser with a camera and a microphone that are pretended: a green picture that beeps once a second. */
export const openBrowser = (executablePath: string): Promise<Browser> =>
  chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      '--autoplay-policy=no-user-gesture-required',
    ],
  })

/** What a page wrote to its console as an error, or threw. */
export function collectErrors(page: Page): string[] {
  const errors: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(error.message))
  return errors
}
