import { globSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')

test('the site of the documents leads to every page, in an order', async () => {
  const { default: config } = (await import(join(root, 'docs/.vitepress/config.mjs'))) as {
    default: { themeConfig: { sidebar: { items: { link: string }[] }[] } }
  }
  const linked = config.themeConfig.sidebar.flatMap(({ items }) => items.map(({ link }) => link))
  const pages = globSync('docs/**/*.md', { cwd: root })
  const expected = [...pages, 'CONTRIBUTING.md', 'CHANGELOG.md']
  expect(linked.map((link) => `${link.slice(1)}.md`).toSorted()).toEqual(expected.toSorted())
})
