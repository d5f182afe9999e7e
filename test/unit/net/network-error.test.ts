import { expect, test } from 'vitest'
import { toNetworkError } from '../../../handler/net/network-error.ts'

const of = (code: string) => toNetworkError(Object.assign(new Error('x'), { code }))

test.each([
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE', // the commonest: a server that leaves out what lies between
])('a certificate is not valid: %s', (code) => {
  expect(of(code)).toMatchObject({
    permanent: true,
    message: expect.stringContaining('no valid certificate'),
  })
})

test('http behind an https address is named', () => {
  expect(of('ERR_SSL_WRONG_VERSION_NUMBER')).toMatchObject({
    permanent: true,
    message: expect.stringContaining('speaks no TLS'),
  })
})

test('an alert of a server that starts is tried again, and blames no certificate', () => {
  const { permanent, message } = of('ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR')
  expect(permanent).toBe(false)
  expect(message).not.toContain('certificate')
})
