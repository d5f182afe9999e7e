import { BlockList, isIP } from 'node:net'

/** By which servers others are reached, where a network lets nothing out directly. */
export interface ProxySettings {
  /** For http and for https URLs; directly where unset. */
  http?: string
  https?: string
  /** Hosts that are reached directly all the same, as NO_PROXY lists them. */
  bypass: string
}

/** The proxy that a URL is reached by; undefined: directly. */
export function proxyFor(url: URL, settings: ProxySettings | undefined): string | undefined {
  const proxy = url.protocol === 'https:' ? settings?.https : settings?.http
  return proxy !== undefined && !isBypassed(url, settings!.bypass) ? proxy : undefined
}

/** As curl reads the list: names with all below them, addresses, networks, a port behind a colon, `*`. */
function isBypassed({ hostname, port, protocol }: URL, bypass: string): boolean {
  const host = hostname.replace(/^\[|\]$|\.$/g, '')
  const ownPort = port || (protocol === 'https:' ? '443' : '80')
  const entries = bypass.toLowerCase().split(/[\s,]+/)
  return entries.filter(Boolean).some((entry) => {
    if (entry === '*') return true
    if (entry.includes('/')) return isInside(host, entry)
    const address = entry.replace(/^\[|\]$/g, '')
    if (isIP(address)) return address === host
    const [name = '', wanted = ownPort] = entry.split(':')
    const domain = name.replace(/^\*?\./, '')
    return wanted === ownPort && (host === domain || host.endsWith(`.${domain}`))
  })
}

function isInside(host: string, network: string): boolean {
  const [address = '', bits] = network.split('/')
  const family = isIP(host)
  if (family === 0 || isIP(address) !== family) return false
  const list = new BlockList()
  const name = family === 4 ? 'ipv4' : 'ipv6'
  list.addSubnet(address, Number(bits), name)
  return list.check(host, name)
}
