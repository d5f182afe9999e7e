// Whether the addresses in the documents lead somewhere: an answer that says "nothing here", or a host that has no
// name, is a dead link. Ends with 77 where the network leads nowhere: then most hosts do not answer.
import { globSync, readFileSync } from 'node:fs'

const PAGES = ['*.md', 'demo/*.md', 'docs/**/*.md']
// Examples, places of the reader's own, and APIs that have no page at their root.
const NO_LINK =
  /[…<]|[A-Z]{4}|\.example\b|example\.com|localhost|127\.0\.0\.1|\/\/(api\.|[\w-]+[:/])/

/** What a document links to, or has cloned. @param {string} text */
export const externalLinks = (text) =>
  [...text.matchAll(/(?:\]\(|git clone |(?:^|[ |(])(?=https))(https?:\/\/[^\s)|`'",]+)/gm)]
    .map(([, address]) => address.replace(/[.;:]$/, ''))
    .filter((address) => !NO_LINK.test(address))

/** `reached`: at least half of them were answered. @param {string[]} addresses */
export async function findDeadLinks(addresses, request = fetch) {
  const answers = await Promise.all(
    addresses.map(async (address) => {
      try {
        const { status, body } = await request(address, { signal: AbortSignal.timeout(30_000) })
        await body?.cancel()
        return status
      } catch (error) {
        return error.cause?.code ?? error.name
      }
    }),
  )
  const said = addresses.map((address, i) => `${address}: ${answers[i]}`)
  const dead = said.filter((one) => /: (404|410|ENOTFOUND)$/.test(one))
  return { dead, reached: answers.filter(Number).length * 2 >= answers.length }
}

if (import.meta.main) {
  const links = globSync(PAGES).flatMap((page) => externalLinks(readFileSync(page, 'utf8')))
  const { dead, reached } = await findDeadLinks([...new Set(links)])
  console.log(reached ? `links: ${dead.join(', ') || 'none is dead'}` : 'links: need the network')
  process.exitCode = !reached ? 77 : dead.length > 0 ? 1 : 0
}
