import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { Hono, type Context } from 'hono'
import * as v from 'valibot'
import { asJobError } from '../../../handler/errors.ts'
import {
  OffsetConflict,
  type Upload,
  type UploadStore,
} from '../../../handler/inputs/upload-store.ts'
import {
  describeOperation,
  ErrorBody,
  headerParameter,
  pathParameter,
  response,
  schemaComponent,
} from '../describe-operation.ts'
import { errorBody, httpStatusOf } from '../responses.ts'

const TUS = '1.0.0'
const PART = 'application/offset+octet-stream'
const RETRY_S = 60

/**
 * Files that are sent before the jobs that name them: in one request, or in parts by the tus protocol,
 * whose clients go on where a connection broke.
 *
 * @see https://tus.io/protocols/resumable-upload (creation, creation-with-upload, expiration, termination)
 */
export function uploadRoutes(uploads: UploadStore): Hono {
  const app = new Hono()

  app.options('/uploads', (c) => {
    c.header('Tus-Version', TUS)
    c.header('Tus-Extension', 'creation,creation-with-upload,expiration,termination')
    c.header('Tus-Max-Size', String(uploads.maxBytes))
    return answer(c, 204)
  })

  app.post('/uploads', describeCreate, (c) =>
    respond(c, async () => {
      const announced = c.req.header('upload-length')
      if (announced === undefined) return createWhole(c)
      const length = parseCount(announced)
      if (length === undefined)
        return refuse(c, 400, 'INVALID_UPLOAD', 'Upload-Length must be a number of bytes')
      const upload = await uploads.create(length)
      // An empty file is whole at once.
      if (isPart(c) || length === 0) await uploads.append(upload, 0, bodyOf(c))
      return created(c, upload)
    }),
  )

  app.get('/uploads/:id', describeShow, async (c) => {
    const id = c.req.param('id')
    const upload = c.req.method === 'HEAD' ? await uploads.settle(id) : uploads.get(id)
    if (!upload) return notFound(c)
    c.header('Cache-Control', 'no-store')
    return c.req.method === 'HEAD' ? answer(c, 200, upload) : show(c, upload, 200)
  })

  app.patch('/uploads/:id', describeAppend, (c) =>
    respond(c, async () => {
      const upload = uploads.get(c.req.param('id'))
      if (!upload) return notFound(c)
      if (!isPart(c)) return refuse(c, 415, 'UNSUPPORTED_TYPE', `send a part as ${PART}`)
      const offset = parseCount(c.req.header('upload-offset'))
      if (offset === undefined) {
        return refuse(
          c,
          400,
          'INVALID_UPLOAD',
          'Upload-Offset must be the byte that the part begins at',
        )
      }
      return answer(c, 204, await uploads.append(upload, offset, bodyOf(c)))
    }),
  )

  app.delete('/uploads/:id', describeRemove, async (c) => {
    if (!uploads.get(c.req.param('id'))) return notFound(c)
    await uploads.remove(c.req.param('id'))
    return answer(c, 204)
  })

  /** One whose body is the file; what of it came where it broke off is of no use to anybody. */
  async function createWhole(c: Context): Promise<Response> {
    const type = c.req.header('content-type') ?? ''
    if (/^multipart\//i.test(type)) {
      return refuse(
        c,
        415,
        'UNSUPPORTED_TYPE',
        'send the file itself as the body, not a form (curl -T FILE)',
      )
    }
    const length = parseCount(c.req.header('content-length'))
    if (c.req.raw.body === null || length === 0) {
      return refuse(
        c,
        400,
        'INVALID_UPLOAD',
        'send the file as the body, or its size as Upload-Length',
      )
    }
    const upload = await uploads.create(length)
    try {
      return created(c, await uploads.append(upload, 0, bodyOf(c)))
    } catch (error) {
      await uploads.remove(upload.id)
      throw error
    }
  }
  return app
}

/** The answer of a call, or the refusal that it throws. */
async function respond(c: Context, run: () => Promise<Response>): Promise<Response> {
  const version = c.req.header('tus-resumable')
  if (version !== undefined && version !== TUS) {
    c.header('Tus-Version', TUS)
    return refuse(c, 412, 'UNSUPPORTED_VERSION', `this server speaks version ${TUS} of tus`)
  }
  try {
    return await run()
  } catch (thrown) {
    c.header('Connection', 'close') // the rest of the body is not read
    if (thrown instanceof OffsetConflict) return refuse(c, 409, 'OFFSET_CONFLICT', thrown.message)
    const error = asJobError(thrown)
    if (error.retryable) c.header('Retry-After', String(RETRY_S))
    c.header('Tus-Resumable', TUS)
    return c.json({ error: error.toJSON() }, httpStatusOf(error))
  }
}

function created(c: Context, upload: Upload): Response {
  c.header('Location', `/uploads/${upload.id}`)
  return show(c, upload, 201)
}

function show(c: Context, upload: Upload, status: 200 | 201): Response {
  setHeaders(c, upload)
  const { id, offset, length, sha256, expiresAt } = upload
  return c.json(
    {
      ...{ id, url: `upload:${id}`, bytes: offset, complete: sha256 !== undefined },
      ...(length !== undefined && { length }),
      ...(sha256 !== undefined && { sha256 }),
      expires_at: expiresAt.toISOString(),
    },
    status,
  )
}

function answer(c: Context, status: 200 | 204, upload?: Upload): Response {
  setHeaders(c, upload)
  return c.body(null, status)
}

function setHeaders(c: Context, upload: Upload | undefined): void {
  c.header('Tus-Resumable', TUS)
  if (!upload) return
  c.header('Upload-Offset', String(upload.offset))
  if (upload.length !== undefined) c.header('Upload-Length', String(upload.length))
  c.header('Upload-Expires', upload.expiresAt.toUTCString())
}

function refuse(
  c: Context,
  status: 400 | 404 | 409 | 412 | 415,
  code: string,
  message: string,
): Response {
  c.header('Tus-Resumable', TUS)
  return c.json(errorBody(code, message), status)
}

const notFound = (c: Context) => refuse(c, 404, 'NOT_FOUND', 'there is no such upload, or no more')

const isPart = (c: Context): boolean =>
  c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase() === PART

const bodyOf = ({ req }: Context): Readable =>
  req.raw.body ? Readable.fromWeb(req.raw.body as ReadableStream<Uint8Array>) : Readable.from([])

/** A header that counts bytes. */
function parseCount(text: string | undefined): number | undefined {
  const count = Number(text)
  return text !== undefined && /^\d+$/.test(text) && Number.isSafeInteger(count) ? count : undefined
}

const bytes = v.pipe(v.number(), v.integer(), v.minValue(0))
const UploadView = schemaComponent(
  'Upload',
  v.object({
    id: v.string(),
    url: v.pipe(v.string(), v.description('What a job says as its video_url or audio_url.')),
    bytes: v.pipe(bytes, v.description('Bytes that are here.')),
    length: v.optional(v.pipe(bytes, v.description('Bytes of the whole file.'))),
    complete: v.boolean(),
    sha256: v.optional(v.string()),
    expires_at: v.pipe(v.string(), v.isoTimestamp()),
  }),
)

const uploadId = pathParameter('id', 'Id of the upload')
const MISSING = { 404: response('There is no such upload, or no more.', ErrorBody) }
const WRONG_VERSION = { 412: response('The client speaks another version of tus.', ErrorBody) }
const TAKES_BYTES = {
  400: response('A header is missing or no number, or there is no body.', ErrorBody),
  413: response('It is larger than MAX_INPUT_MB, or than was announced.', ErrorBody),
  415: response('The body is of a type that is not taken here.', ErrorBody),
  422: response('It was cut off.', ErrorBody),
  429: response('There is no room for uploads now.', ErrorBody),
  503: response('The disk is full.', ErrorBody),
}

const describeCreate = describeOperation({
  tag: 'Uploads',
  summary: 'Send a file, or begin to',
  parameters: [headerParameter('Upload-Length', 'Bytes of a file that is sent in parts')],
  rawBody: ['application/octet-stream', PART],
  responses: {
    201: response('It is here, as far as the body had it.', UploadView),
    ...TAKES_BYTES,
    ...WRONG_VERSION,
  },
})
const describeShow = describeOperation({
  tag: 'Uploads',
  summary: 'How far an upload is; HEAD also ends a writer that hangs',
  parameters: [uploadId],
  responses: { 200: response('The upload.', UploadView), ...MISSING },
})
const describeAppend = describeOperation({
  tag: 'Uploads',
  summary: 'Send the next part',
  parameters: [uploadId, headerParameter('Upload-Offset', 'Byte that the part begins at')],
  rawBody: [PART],
  responses: {
    204: response('Written; `Upload-Offset` is where the next part begins.'),
    ...TAKES_BYTES,
    ...MISSING,
    ...WRONG_VERSION,
    409: response('The upload goes on at another byte.', ErrorBody),
  },
})
const describeRemove = describeOperation({
  tag: 'Uploads',
  summary: 'Remove an upload; jobs that were given it keep it',
  parameters: [uploadId],
  responses: { 204: response('Removed.'), ...MISSING },
})
