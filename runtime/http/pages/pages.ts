import { readFileSync } from 'node:fs'
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

/** Files beside this one that a browser may have. */
const ASSETS: Readonly<Record<string, string>> = {
  'style.css': 'text/css; charset=utf-8',
  'index.browser.js': 'text/javascript; charset=utf-8',
  'docs.browser.js': 'text/javascript; charset=utf-8',
}

/** Nothing from elsewhere but the video, which lies wherever the job's storage is. */
const CONTENT_SECURITY_POLICY = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  connectSrc: ["'self'"],
  imgSrc: ['data:'],
  mediaSrc: ["'self'", 'https:', 'http:'],
  formAction: ["'none'"],
  baseUri: ["'none'"],
  frameAncestors: ["'none'"],
}

/**
 * The pages for people: `/` submits a job by URLs and shows its video, `/docs` lists and tries every
 * operation. Their files are read once, here.
 */
export function pageRoutes(): Hono {
  const app = new Hono()
  const [index, docs] = [readPageFile('index.html'), readPageFile('docs.html')]
  const assets = new Map(Object.keys(ASSETS).map((name) => [name, readPageFile(name)]))

  for (const path of ['/', '/docs', '/assets/*']) {
    app.use(path, secureHeaders({ contentSecurityPolicy: CONTENT_SECURITY_POLICY }))
    // The next version of the worker has other files under the same names.
    app.use(path, async (c, next) => {
      c.header('Cache-Control', 'no-cache')
      await next()
    })
  }
  app.get('/', describePage('A page to try a job with'), (c) => c.html(index))
  app.get('/docs', describePage('A page that lists and tries every operation'), (c) => c.html(docs))
  app.get('/assets/:name', describeAsset, (c) => {
    const name = c.req.param('name')
    const text = assets.get(name)
    if (text === undefined) return c.json(errorBody('NOT_FOUND', 'there is no such file'), 404)
    return c.body(text, 200, { 'Content-Type': ASSETS[name]! })
  })
  return app
}

const readPageFile = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')

const describePage = (summary: string) =>
  describeOperation({
    tag: 'Pages',
    summary,
    responses: { 200: textResponse('HTML', 'text/html') },
  })
const describeAsset = describeOperation({
  tag: 'Pages',
  summary: 'A style sheet or script of the pages',
  parameters: [pathParameter('name', 'Name of the file')],
  responses: { 200: response('The file.'), 404: response('There is no such file.', ErrorBody) },
})
