/** Node starts children without limits of their own; a shell sets them and becomes the program. */
const SHELL = '/bin/sh'
const SET_LIMITS =
  'ulimit -c 0; ulimit -d "$1"; [ -z "$2" ] || ulimit -S -t "$2"; shift 2; exec "$@"'

/** What the largest allowed picture may take in a decoder with all its threads, and the program itself. */
const PROGRAM_BYTES = 2 ** 31
const BYTES_PER_PIXEL = 200 // some fifty pictures of 4:2:0 with 10 bits

/**
 * The command that runs a program on a file of unknown origin: with a ceiling on its data, where
 * `-max_alloc` limits single pieces only, and no core dumps in the scratch folder. The encoder has none: what
 * it opens was read to its end before, and a card's driver reserves far more addresses than it uses.
 *
 * @param maxCpuS seconds of computing, where the program has no long work to do; then it gets SIGXCPU
 */
export function withLimits(
  program: string,
  args: readonly string[],
  maxPixels: number,
  maxCpuS?: number,
): [program: string, args: string[]] {
  const kilobytes = Math.ceil((PROGRAM_BYTES + maxPixels * BYTES_PER_PIXEL) / 1024)
  const limits = [String(kilobytes), maxCpuS === undefined ? '' : String(maxCpuS)]
  return [SHELL, ['-c', SET_LIMITS, 'sh', ...limits, program, ...args]]
}
