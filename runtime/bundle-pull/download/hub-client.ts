import type { GuardedFetch } from '../../../handler/net/guarded-fetch.ts'
import type { FileSource } from '../official-files.ts'

export interface HubOptions {
  fetch: GuardedFetch
  /** The model hub, or a mirror of it. */
  endpoint: string
  /** Sent to the endpoint's host and to nobody else. */
  token?: string
}

/** Where a file of a repository is fetched from; the hub answers large ones with a redirect. */
export function addressOf(source: FileSource, endpoint: string): string {
  if ('url' in source) return source.url
  const { repository, revision, path } = source
  const parts = [...repository.split('/'), 'resolve', revision, ...path.split('/')]
  return `${endpoint.replace(/\/+$/, '')}/${parts.map(encodeURIComponent).join('/')}`
}

/** The same source at the newest revision: what a mirror has that keeps no history. */
export const atNewestRevision = (source: FileSource): FileSource | undefined =>
  'repository' in source && source.revision !== 'main' ? { ...source, revision: 'main' } : undefined

/** A fetch that shows the token to the hub; redirects to other hosts are followed without it. */
export function createHubFetch({ fetch, endpoint, token }: HubOptions): GuardedFetch {
  if (token === undefined) return fetch
  const { origin } = new URL(endpoint)
  const authorized = (async (url, request) => {
    const headers = { ...request.headers, authorization: `Bearer ${token}` }
    return fetch(url, new URL(url).origin === origin ? { ...request, headers } : request)
  }) as GuardedFetch
  authorized.check = fetch.check
  return authorized
}
