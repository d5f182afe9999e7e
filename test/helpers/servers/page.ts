import { fileURLToPath } from 'node:url'
import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { expect } from 'vitest'
import { collectErrors } from './browser.ts'

/** Other programs work too: what a test of the page waits for at most. */
export const END = { timeout: 120_000 }

export const demo = (name: string) =>
  fileURLToPath(new URL(`../../../demo/${name}`, import.meta.url))

/** A profile of its own: no history, no key. */
export async function openContext(browser: Browser, options: BrowserContextOptions = {}) {
  const permissions = ['camera', 'microphone', 'clipboard-read', 'clipboard-write']
  const context = await browser.newContext({ permissions, ...options })
  context.setDefaultTimeout(END.timeout)
  return context
}

/** A page, and what it complained of. */
export async function openTab(context: BrowserContext, url: string) {
  const page = await context.newPage()
  const errors = collectErrors(page)
  await page.goto(url)
  return { page, errors, [Symbol.asyncDispose]: () => page.close() }
}

/** The same in a profile of its own. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}) {
  const context = await openContext(browser, options)
  const tab = await openTab(context, url)
  return { ...tab, [Symbol.asyncDispose]: () => context.close() }
}

/** What runs in the page is text: its types are not this program's. */
export const property = (id: string, name: string) => `document.getElementById('${id}').${name}`

/** Resolves when an expression is true in the page. */
export const until = (page: Page, expression: string) =>
  expect.poll(() => page.evaluate(expression), END).toBe(true)

/** Resolves when the result is shown. */
export const ended = (page: Page) => page.waitForSelector('#compare:not([hidden])', END)

/** Seconds of the result that is shown. */
export async function duration(page: Page): Promise<number> {
  await until(page, `${property('after', 'readyState')} >= 2`)
  return page.evaluate<number>(property('after', 'duration'))
}

/** What axe finds wrong, in words. */
export async function violations(axe: AxeBuilder): Promise<string[]> {
  const { violations } = await axe.analyze()
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)
}
