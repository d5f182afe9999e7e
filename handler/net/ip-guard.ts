import { BlockList, isIP } from 'node:net'

const MAX_URL = 8192 // characters; longer than any signed URL of a storage provider

/** @see IANA IPv4 Special-Purpose Address Registry; plus multicast and the reserved top */
const RESERVED_IPV4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16'],
  ...['172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16'],
  ...['198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
]
/**
 * Within 2000::/3: protocol assignments with Teredo, documentation, 6to4. All outside 2000::/3 is
 * refused as a whole: loopback, ::/96, mapped ::ffff:0:0/96, NAT64 of a network's own (64:ff9b:1::/48),
 * unique local, link-local, multicast. Only NAT64's well-known prefix is judged by what is behind it.
 */
const RESERVED_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

// Two lists, because one that holds both families takes every IPv4 address for a mapped IPv6 one.
const v4 = toBlockList(RESERVED_IPV4, 'ipv4')
const v6 = toBlockList(RESERVED_IPV6, 'ipv6')
const globalV6 = toBlockList(['2000::/3'], 'ipv6')
const nat64 = toBlockList(['64:ff9b::/96'], 'ipv6')

/** Whether an IP address is anything but a public one. */
export function isPrivateAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return v4.check(address, 'ipv4')
    case 6:
      if (nat64.check(address, 'ipv6')) return v4.check(addressBehindNat64(address), 'ipv4')
      return !globalV6.check(address, 'ipv6') || v6.check(address, 'ipv6')
    default:
      return true
  }
}

/**
 * Networks without IPv4 reach IPv4-only hosts under an IPv6 address that ends in the IPv4 one.
 * @see RFC 6052, 2.2; DNS64 makes these answers (RFC 6147)
 */
function addressBehindNat64(address: string): string {
  const { hostname } = new URL(`http://[${address}]`) // in its shortest form: [64:ff9b::808:808]
  const groups = hostname.slice('[64:ff9b::'.length, -1).split(':')
  const [low = 0, high = 0] = groups.toReversed().map((group) => Number.parseInt(group || '0', 16))
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/**
 * The IP address that a URL names itself; undefined where its host name has to be looked up.
 * `localhost` and all below it are loopback by definition (RFC 6761), even where a resolver does not
 * know them.
 */
export function ipLiteralOf({ hostname }: URL): string | undefined {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (/(^|\.)localhost\.?$/.test(host)) return '127.0.0.1'
  return isIP(host) ? host : undefined
}

/** What is wrong with a URL of a job, before anything is looked up; undefined when nothing is. */
export function urlProblem(text: string): string | undefined {
  if (text.length > MAX_URL) return `must be at most ${MAX_URL} characters`
  if (!URL.canParse(text)) return 'must be a URL'
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must be an http or https URL'
  if (url.username || url.password) return 'must not have a user name or password in it'
  return undefined
}

function toBlockList(subnets: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [net, prefix] = subnet.split('/')
    list.addSubnet(net!, Number(prefix), family)
  }
  return list
}
