import { expect, test } from 'vitest'
import { decodeJsonText } from '../../../handler/net/json-text.ts'

const TEXT = '{"job":"grün"}'
const swapped = (bytes: Buffer) => Buffer.from(bytes).swap16()

test.each([
  ['UTF-8', Buffer.from(TEXT)],
  ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${TEXT}`)],
  ['UTF-16, as PowerShell writes it', Buffer.from(`\ufeff${TEXT}`, 'utf16le')],
  ['UTF-16 the other way round', swapped(Buffer.from(`\ufeff${TEXT}`, 'utf16le'))],
])('%s', (_, bytes) => expect(decodeJsonText(bytes)).toBe(TEXT))
