/** How a provider's page of a shared file becomes the file; undefined for what is no such page. */
type DirectForm = (url: URL) => string | undefined

const DROPBOX_PAGE = /^\/(s|scl\/fi)\/[^/]+\/.+/
const ONEDRIVE_PAGE = /^\/(embed|redir|view\.aspx|edit\.aspx|download)?$/

/** By host, as the providers' own share buttons write them. */
const PROVIDERS: readonly (readonly [host: RegExp, directForm: DirectForm])[] = [
  [/^(drive|docs)\.google\.com$/, googleDrive],
  [/^(www\.)?dropbox\.com$/, (url) => (DROPBOX_PAGE.test(url.pathname) ? dropbox(url) : undefined)],
  [/^1drv\.ms$/, (url) => (url.pathname === '/' ? undefined : sharedItem(url))],
  [/^onedrive\.live\.com$/, oneDrive],
  [/^[a-z0-9-]+\.sharepoint\.com$/, sharePoint],
]

/**
 * The address that sends the file behind a share link of Google Drive, Dropbox, OneDrive or SharePoint;
 * any other address as it is. Nothing is asked: a file that is not shared with everybody answers with
 * a page to sign in, whatever its address.
 *
 * @param text an absolute URL
 */
export function directLink(text: string): string {
  const url = new URL(text)
  const provider = PROVIDERS.find(([host]) => host.test(url.hostname))
  return provider?.[1](url) ?? text
}

/** `confirm` answers the page that warns of files too large to be scanned for viruses. */
function googleDrive({ pathname, searchParams }: URL): string | undefined {
  const [, inPath] = /^\/(?:a\/[^/]+\/)?file\/(?:u\/\d+\/)?d\/([\w-]+)/.exec(pathname) ?? []
  const id = inPath ?? (/^\/(uc|open)$/.test(pathname) ? searchParams.get('id') : undefined)
  if (!id) return undefined
  const query = new URLSearchParams({ id, export: 'download', confirm: 't' })
  const key = searchParams.get('resourcekey')
  if (key) query.set('resourcekey', key)
  return `https://drive.usercontent.google.com/download?${query}`
}

function dropbox(url: URL): string {
  const direct = new URL(url)
  direct.searchParams.delete('raw')
  direct.searchParams.set('dl', '1')
  return direct.href
}

/** @see https://learn.microsoft.com/onedrive/developer/rest-api/api/shares_get */
function sharedItem({ href }: URL): string {
  const token = Buffer.from(href).toString('base64url')
  return `https://api.onedrive.com/v1.0/shares/u!${token}/root/content`
}

function oneDrive(url: URL): string | undefined {
  const { pathname, searchParams } = url
  const item = searchParams.get('resid') ?? searchParams.get('id')
  if (!item || !ONEDRIVE_PAGE.test(pathname)) return undefined
  const query = new URLSearchParams({ resid: item })
  const key = searchParams.get('authkey')
  if (key) query.set('authkey', key)
  return `https://onedrive.live.com/download?${query}`
}

/** `/:v:/g/…` is the page of a shared video, `/:u:/…` of any other file, `/:f:/…` of a folder. */
function sharePoint(url: URL): string | undefined {
  if (!/^\/:[a-eg-z]:\/[a-z]\//.test(url.pathname)) return undefined
  const direct = new URL(url)
  direct.searchParams.set('download', '1')
  return direct.href
}
