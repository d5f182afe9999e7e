import { existsSync, globSync, readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { webServer } from '../../helpers/servers/loopback-server.ts'

const root = join(import.meta.dirname, '../../..')
const read = (path: string) => readFile(join(root, path), 'utf8')
const { externalLinks, findDeadLinks } = (await import(join(root, '.ci/links.mjs'))) as {
  externalLinks(text: string): string[]
  findDeadLinks(
    addresses: string[],
    request?: (address: string) => Promise<Response>,
  ): Promise<{ dead: string[]; reached: boolean }>
}

test('what a reader can follow is a link; examples, placeholders and APIs are none', () => {
  const text = `
[one](https://one.org/a#b), or https://two.org/file.pth | [here](other.md)
git clone https://three.org/x/y && cd y
curl https://api.four.org/v2/run -d '{ "video_url": "https://…/face.mp4" }'
| \`http://localhost:8000/\` | https://ENDPOINT.five.org | https://example.com/face.mp4 |`
  expect(externalLinks(text)).toEqual([
    ...['https://one.org/a#b', 'https://two.org/file.pth', 'https://three.org/x/y'],
  ])
})

test('the documents have links, all of them by a secure way', () => {
  const pages = globSync(['*.md', 'demo/*.md', 'docs/**/*.md'], { cwd: root })
  const links = pages.flatMap((page) => externalLinks(readFileSync(join(root, page), 'utf8')))
  expect(links.length).toBeGreaterThan(9)
  expect(links.filter((link) => !link.startsWith('https://'))).toEqual([])
})

test('what is not there is dead, and so is a host without a name; what is only refused is not', async () => {
  await using server = await webServer((request, response) => {
    response.writeHead(Number(request.url!.slice(1)), { location: '/200' }).end()
  })
  const request = (address: string) =>
    address.startsWith('http:')
      ? fetch(address)
      : Promise.reject(Object.assign(new TypeError(), { cause: { code: 'ENOTFOUND' } }))
  const at = (status: number) => `http://127.0.0.1:${server.port}/${status}`
  const addresses = [...[200, 302, 403, 404, 410].map(at), 'https://nobody.invalid']
  expect(await findDeadLinks(addresses, request)).toEqual({
    dead: [`${at(404)}: 404`, `${at(410)}: 410`, 'https://nobody.invalid: ENOTFOUND'],
    reached: true,
  })
  const outside = addresses.slice(-1)
  expect(await findDeadLinks(outside, request)).toMatchObject({ reached: false })
})

describe('links in the repository', async () => {
  const pages = [
    'README.md',
    'llms.txt',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'SECURITY.md',
    ...(await readdir(join(root, 'docs'), { recursive: true }))
      .filter((name) => name.endsWith('.md') && !name.startsWith('.vitepress'))
      .map((name) => `docs/${name}`),
  ]
  const anchorOf = (heading: string) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-')
  test.each(pages)('of %s lead somewhere', async (page) => {
    const text = await read(page)
    const dead = []
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue
      const [path, anchor] = target!.split('#') as [string, string?]
      const file = path === '' ? page : join(dirname(page), path)
      if (!existsSync(join(root, file))) dead.push(target)
      else if (anchor !== undefined) {
        const headings = [...(await read(file)).matchAll(/^#+ (.*)$/gm)].map(([, h]) =>
          anchorOf(h!),
        )
        if (!headings.includes(anchor)) dead.push(target)
      }
    }
    expect(dead).toEqual([])
  })
  test('lead from the README to every page', async () => {
    const readme = await read('README.md')
    expect(pages.slice(2).filter((page) => !readme.includes(`](${page})`))).toEqual([])
  })
})
