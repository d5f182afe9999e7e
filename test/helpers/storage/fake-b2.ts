import { bodyOf, webServer, type WebServer } from '../servers/loopback-server.ts'
import { KEYS } from './strict-s3.ts'

export interface FakeB2Options {
  s3ApiUrl: string
  bucketType?: 'allPublic' | 'allPrivate'
  capabilities?: string[]
  /** Status of the first answers to b2_authorize_account. */
  failures?: number[]
}

/** Backblaze's authorize and list calls, as far as a worker needs them. */
export async function fakeB2(options: FakeB2Options): Promise<WebServer> {
  const { s3ApiUrl, bucketType = 'allPublic', failures = [] } = options
  const capabilities = options.capabilities ?? ['listBuckets', 'readFiles', 'writeFiles']
  const server = await webServer(async (request, response, before) => {
    const json = (status: number, body: object) =>
      void response.writeHead(status).end(JSON.stringify(body))
    switch (request.url) {
      case '/b2api/v3/b2_authorize_account': {
        const failure = failures[before]
        if (failure) return json(failure, { status: failure, code: 'service_unavailable' })
        const basic = Buffer.from(`${KEYS.keyId}:${KEYS.secret}`).toString('base64')
        if (request.headers.authorization !== `Basic ${basic}`) {
          return json(401, { status: 401, code: 'bad_auth_token' })
        }
        const apiUrl = server.origin
        const storageApi = {
          apiUrl,
          s3ApiUrl,
          downloadUrl: 'https://f004.b2.example',
          capabilities,
        }
        return json(200, {
          accountId: 'account',
          authorizationToken: 'token-of-b2',
          apiInfo: { storageApi },
        })
      }
      case '/b2api/v3/b2_list_buckets': {
        if (request.headers.authorization !== 'token-of-b2') return json(401, {})
        const { bucketName } = JSON.parse((await bodyOf(request)).toString()) as {
          bucketName: string
        }
        return json(200, { buckets: bucketName === 'bucket' ? [{ bucketType }] : [] })
      }
      default:
        return json(404, {})
    }
  })
  return server
}
