import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { MAX_STRUCTURE_BYTES } from '../../../runtime/http/read-json.ts'
import { readConfig } from '../../../runtime/config/config.ts'
import { heldApp } from '../../helpers/servers/http-app.ts'

const page = readFileSync(fileURLToPath(new URL('../../../docs/api.md', import.meta.url)), 'utf8')

test('the page about the API has every path that the description has', async () => {
  const { get } = heldApp({ files: '/nowhere' })
  const { body } = await get('/openapi.json')
  for (const path of Object.keys(body.paths)) {
    const written = path.replace('{endpoint}', '<any>').replace(/\{(\w+)\}/, '<$1>')
    expect(page, path).toMatch(new RegExp(`[ \`]${written}[?\`]`))
  }
})

test('the page tells the limits of a body that the program has', () => {
  expect(page).toContain(`larger than \`MAX_BODY_MB\` (${readConfig({}).MAX_BODY_MB} MB)`)
  expect(page).toContain(`more than ${MAX_STRUCTURE_BYTES / 1e6} MB beside its texts`)
})
