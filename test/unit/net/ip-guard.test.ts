import { describe, expect, test } from 'vitest'
import { isPrivateAddress, ipLiteralOf, urlProblem } from '../../../handler/net/ip-guard.ts'

describe('an address that is not public is internal', () => {
  test.each([
    ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '100.127.255.255', '127.0.0.1', '127.255.0.1'],
    ...['169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.1', '192.0.2.1', '192.88.99.1'],
    ...['192.168.1.1', '198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.1', '224.0.0.1'],
    ...['240.0.0.1', '255.255.255.255'],
  ])('IPv4 %s', (address) => expect(isPrivateAddress(address)).toBe(true))
  test.each([
    ...['::', '::1', '::7f00:1', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:8.8.8.8'],
    ...['::ffff:0:7f00:1', '64:ff9b::7f00:1', '64:ff9b:1::1', '100::1', '2001::1', '2001:db8::1'],
    ...['64:ff9b::a00:1', '64:ff9b::a9fe:a9fe', '64:ff9b::', '64:ff9b::1', '64:ff9b:1::808:808'],
    ...['64:ff9b::7f00:0', '64:ff9b:0:1::808:808', '0064:ff9b:0:0:0:0:192.168.0.1'],
    ...[
      '2002:7f00:1::',
      '3fff::1',
      '5f00::1',
      'fc00::1',
      'fdff::1',
      'fe80::1',
      'fec0::1',
      'ff02::1',
    ],
  ])('IPv6 %s', (address) => expect(isPrivateAddress(address)).toBe(true))
  test('what is no address at all', () => expect(isPrivateAddress('localhost')).toBe(true))
})

test.each([
  ...['1.1.1.1', '8.8.8.8', '100.63.255.255', '100.128.0.0', '172.15.255.255', '172.32.0.0'],
  ...['192.0.1.1', '198.17.255.255', '198.20.0.0', '223.255.255.255'],
  ...['64:ff9b::808:808', '64:ff9b::8.8.8.8', '64:ff9b::100:0', '64:FF9B:0:0:0:0:101:101'],
  ...['2606:4700:4700::1111', '2001:4860:4860::8888', '2a00:1450::1'],
])('%s is public', (address) => expect(isPrivateAddress(address)).toBe(false))

describe('every spelling of an address is seen as that address', () => {
  test.each([
    ...['127.0.0.1', '2130706433', '0x7f.1', '0177.0.0.1', '127.1', '127.0.0.1.', '0x7f000001'],
    ...['[::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:0:0:1]', '[64:ff9b::7f00:1]'],
    ...['0', '0.0.0.0', '①②⑦.⓪.⓪.①', 'localhost', 'LOCALHOST.', 'a.localhost'],
  ])('%s', (host) => {
    const literal = ipLiteralOf(new URL(`http://${host}/`))
    expect(literal).toBeDefined()
    expect(isPrivateAddress(literal!)).toBe(true)
  })
  test('a name is no address', () => {
    expect(ipLiteralOf(new URL('http://localhost.example/'))).toBeUndefined()
  })
})

describe('a URL that no job may have is told why', () => {
  test.each([
    ['file:///etc/passwd', 'http or https'],
    ['ftp://example.com/a', 'http or https'],
    ['data:video/mp4,x', 'http or https'],
    ['gopher://example.com/', 'http or https'],
    ['javascript:1', 'http or https'],
    ['http://user:secret@example.com/', 'password'],
    ['http://user@example.com/', 'user name'],
    ['/etc/passwd', 'must be a URL'],
    ['http://', 'must be a URL'],
    ['http://[::1', 'must be a URL'],
    [`http://example.com/${'a'.repeat(65_536)}`, 'at most'],
  ])('%.40s', (url, why) => expect(urlProblem(url)).toContain(why))
  test('a good one is not', () => {
    expect(urlProblem('https://example.com/a.mp4?X-Amz-Signature=1')).toBeUndefined()
  })
})
