import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { MAX_BODY_BYTES } from '../../../runtime/http/read-json.ts'
import { heldApp } from '../../helpers/servers/http-app.ts'

const page = readFileSync(fileURLToPath(new URL('../../../docs/api.md', import.meta.url)), 'utf8')

test('the page about the API has every path that the description has', async () => {
  const { get } = heldApp({ files: '/nowhere' })
  const { body } = await get('/openapi.json')
  for (const path of Object.keys(body.paths)) {
    const said = path.replace('{endpoint}', '<any>').replace(/\{(\w+)\}/, '<$1>')
    expect(page, path).toContain(said === '/v2/<any>/requests' ? '/requests' : said)
  }
})

test('every path of the description is answered by the program', async () => {
  const { app, get } = heldApp({ files: '/nowhere' })
  const { body } = await get('/openapi.json')
  const served = app.routes.map(({ path }) => path.replace('/files/*', '/files/:key'))
  for (const path of Object.keys(body.paths)) {
    expect(served).toContain(path.replace(/\{(\w+)\}/g, ':$1'))
  }
})

test('the page tells the limit of a body that the program has', () => {
  expect(page).toContain(`larger than ${MAX_BODY_BYTES / 1e6} MB`)
})
