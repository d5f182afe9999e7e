import { readdirSync, readFileSync } from 'node:fs'
import { Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import {
  describeOperation,
  ErrorBody,
  pathParameter,
  response,
  textResponse,
} from '../describe-operation.ts'
import { errorBody } from '../responses.ts'

/** What a browser may have of the folders below, by the end of its name. */
const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.browser.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.wav': 'audio/wav',
}

/** Nothing from elsewhere but pictures and videos, which lie wherever a job names them or its storage is. */
const CONTENT_SECURITY_POLICY = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  connectSrc: ["'self'"],
  imgSrc: ["'self'", 'data:', 'blob:', 'https:', 'http:'],
  mediaSrc: ["'self'", 'blob:', 'https:', 'http:'],
  formAction: ["'none'"],
  baseUri: ["'none'"],
  frameAncestors: ["'none'"],
}

/**
 * The pages for people: `/` makes a face speak, `/status` is for whoever runs the worker, `/docs` lists and
 * tries every operation. They hold no secret, so they come without a key and ask for it themselves. Their files
 * are read once, here; the example is the demo's.
 */
export function pageRoutes(): Hono {
  const app = new Hono()
  const assets = new Map([
    ...readAssets('./', ''),
    ...readAssets('./app/', 'app/'),
    ...readAssets('./app/inputs/', 'app/inputs/'),
    ...readAssets('../../../demo/', ''),
  ])

  for (const path of [...Object.keys(PAGES), '/assets/*']) {
    app.use(path, secureHeaders({ contentSecurityPolicy: CONTENT_SECURITY_POLICY }))
    // The next version of the worker has other files under the same names.
    app.use(path, async (c, next) => {
      c.header('Cache-Control', 'no-cache')
      await next()
    })
  }
  for (const [path, { file, summary }] of Object.entries(PAGES)) {
    const html = readFileSync(new URL(file, import.meta.url), 'utf8')
    app.get(path, describePage(summary), (c) => c.html(html))
  }
  app.get('/assets/:name{.+}', describeAsset, (c) => {
    const asset = assets.get(c.req.param('name'))
    if (!asset) return c.json(errorBody('NOT_FOUND', 'there is no such file'), 404)
    return c.body(asset.bytes, 200, { 'Content-Type': asset.type })
  })
  return app
}

const PAGES = {
  '/': { file: 'index.html', summary: 'A page to make a face speak' },
  '/status': { file: 'status.html', summary: 'A page about this worker, for whoever runs it' },
  '/docs': { file: 'docs.html', summary: 'A page that lists and tries every operation' },
} as const

interface Asset {
  type: string
  bytes: Uint8Array<ArrayBuffer>
}

/** Files of a folder that a browser may have, by their names under `/assets/`. */
function readAssets(folder: string, prefix: string): [string, Asset][] {
  const at = new URL(folder, import.meta.url)
  return readdirSync(at).flatMap((name): [string, Asset][] => {
    const type = Object.entries(TYPES).find(([end]) => name.endsWith(end))?.[1]
    return type
      ? [[prefix + name, { type, bytes: new Uint8Array(readFileSync(new URL(name, at))) }]]
      : []
  })
}

const describePage = (summary: string) =>
  describeOperation({
    tag: 'Pages',
    summary,
    responses: { 200: textResponse('HTML', 'text/html') },
  })
const describeAsset = describeOperation({
  tag: 'Pages',
  summary: 'A style sheet, script or example of the pages',
  parameters: [pathParameter('name', 'Name of the file')],
  responses: { 200: response('The file.'), 404: response('There is no such file.', ErrorBody) },
})
