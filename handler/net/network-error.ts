interface NetworkErrorOptions extends ErrorOptions {
  /** No further try can help. */
  permanent?: boolean
  status?: number
  /** No such host: a name service that restarts says so for a moment, and of a wrong name for ever. */
  unknownHost?: boolean
  /** Milliseconds that the server asked us to wait. */
  retryAfterMs?: number | undefined
}

/** A server could not be talked to, or answered something unusable; says what, never where. */
export class NetworkError extends Error {
  readonly permanent: boolean
  readonly status: number | undefined
  readonly unknownHost: boolean
  readonly retryAfterMs: number | undefined

  constructor(message: string, options: NetworkErrorOptions = {}) {
    super(message, options)
    this.name = new.target.name
    this.permanent = options.permanent ?? false
    this.status = options.status
    this.unknownHost = options.unknownHost ?? false
    this.retryAfterMs = options.retryAfterMs
  }
}

const ERROR_MESSAGES: Record<string, string> = {
  EAI_AGAIN: 'has a host name that cannot be looked up now',
  ECONNREFUSED: 'refused the connection',
  ECONNRESET: 'closed the connection',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached',
  ENOTFOUND: 'has a host name that does not exist',
  EPIPE: 'closed the connection',
  ETIMEDOUT: 'did not accept the connection in time',
  HPE_INVALID_CONSTANT: 'does not speak HTTP',
  UND_ERR_BODY_TIMEOUT: 'stopped sending',
  UND_ERR_CONNECT_TIMEOUT: 'did not accept the connection in time',
  UND_ERR_HEADERS_OVERFLOW: 'sends headers without end',
  UND_ERR_HEADERS_TIMEOUT: 'did not answer in time',
  UND_ERR_SOCKET: 'closed the connection',
}
/** OpenSSL's names of what is wrong with a chain of certificates, and Node's own. */
const BAD_CERTIFICATE =
  /CERT|^UNABLE_TO_|^(INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH)$/
/** Other alerts come of servers in trouble, too. */
const NO_TLS = /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/

/** What a client library threw, in words for whoever gave us the address. */
export function toNetworkError(error: unknown): NetworkError {
  if (error instanceof NetworkError) return error
  const code = codeOf(error)
  const proxy = proxyRefusal(error)
  if (proxy !== undefined) return new NetworkError(proxy, { cause: error })
  if (BAD_CERTIFICATE.test(code)) {
    return new NetworkError(`has no valid certificate (${code})`, { permanent: true, cause: error })
  }
  if (NO_TLS.test(code)) {
    const sentence = `speaks no TLS on this port (${code}); its address may begin with http:`
    return new NetworkError(sentence, { permanent: true, cause: error })
  }
  const sentence = ERROR_MESSAGES[code] ?? `could not be talked to (${code})`
  return new NetworkError(sentence, { unknownHost: code === 'ENOTFOUND', cause: error })
}

/** undici has no code of its own for what a proxy answers. */
function proxyRefusal(error: unknown): string | undefined {
  const status = /^Proxy (?:response|Authentication).*\((\d+)\)/.exec((error as Error).message)?.[1]
  return status && `cannot be reached: the proxy answered with status ${status}`
}

function codeOf(error: unknown): string {
  const { code, cause, errors } = error as { code?: string; cause?: unknown; errors?: unknown[] }
  if (code) return code
  if (errors?.[0]) return codeOf(errors[0]) // every address of a name was tried
  return cause ? codeOf(cause) : 'unknown'
}

/** Statuses that the same request may not meet again: busy, overloaded, or gone for a moment. */
export const isRetryableStatus = (status: number): boolean =>
  status === 408 || status === 425 || status === 429 || status >= 500
