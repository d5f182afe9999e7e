/** Where a command's answer goes. */
export interface TextOutput {
  out(text: string): void
  err(text: string): void
}

/** The same, and what stderr is. */
export interface Terminal extends TextOutput {
  isTTY: boolean
  columns: number | undefined
}

export const processOutput = (): Terminal => ({
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  isTTY: process.stderr.isTTY,
  columns: process.stderr.columns,
})
