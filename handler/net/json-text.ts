/**
 * JSON as text, without the byte order mark that Windows' tools put before it (RFC 8259, 8.1, lets a reader
 * ignore it); PowerShell's `>` writes UTF-16.
 */
export function decodeJsonText(bytes: Uint8Array): string {
  const [first, second] = bytes
  const encoding =
    first === 0xff && second === 0xfe
      ? 'utf-16le'
      : first === 0xfe && second === 0xff
        ? 'utf-16be'
        : 'utf-8'
  return new TextDecoder(encoding).decode(bytes)
}
