import { toSystemError } from '../ffmpeg-errors.ts'
import { runToEnd, type ProcessResult } from '../ffmpeg.ts'

/**
 * Run a program whose failure says something, of a file or of the program itself. One that was ended from
 * outside says nothing of either.
 *
 * @param command as `runToEnd` takes it
 * @param doing what it was run for
 * @throws WorkerError ENGINE_LOST, OUT_OF_MEMORY where a signal has ended it; as `spawnFfmpeg`
 */
export async function tryOut(
  [path, args]: readonly [path: string, args: string[]],
  doing: string,
  signal: AbortSignal,
): Promise<ProcessResult & { stdout: Buffer }> {
  const finished = await runToEnd(path, args, signal)
  if (finished.code === 0) return finished
  const machine = toSystemError(finished, doing)
  // A card whose sessions are used up says that it is out of memory, and is right.
  if (machine && (machine.code === 'ENGINE_LOST' || finished.signal)) throw machine
  return finished
}
