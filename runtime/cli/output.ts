/** Where a command's answer goes. */
export interface TextOutput {
  out(text: string): void
  err(text: string): void
}
