import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findChromium, openBrowser } from '../../helpers/servers/browser.ts'
import { openContext, openTab, until, violations } from '../../helpers/servers/page.ts'
import { pushServer } from '../../helpers/servers/worker-server.ts'

const chromium = findChromium()
/** Rules of axe about what is seen. */
const LOOKS = ['color-contrast', 'link-in-text-block', 'scrollable-region-focusable']

describe.skipIf(!chromium)('axe finds nothing, in Chromium (apt-get install chromium)', () => {
  let browser: Browser
  let context: BrowserContext
  let server: Awaited<ReturnType<typeof pushServer>>
  beforeAll(async () => {
    server = await pushServer()
    browser = await openBrowser(chromium!)
    context = await openContext(browser, { viewport: { width: 1100, height: 800 } })
  })
  afterAll(async () => {
    await browser?.close()
    await server?.[Symbol.asyncDispose]()
  })

  test.each(['/', '/status', '/docs'])('in light or dark: %s', async (path) => {
    await using at = await openTab(context, server.url + path)
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
