import { ffmpeg } from './media.ts'

/** One line for each decoded frame of some streams: stream, times, and what every sample says, last. */
export async function frameDigests(
  path: string,
  file: string,
  ...streams: ('v' | 'a')[]
): Promise<string[]> {
  const maps = streams.flatMap((stream) => ['-map', `0:${stream}`])
  const from = ['-v', 'error', '-i', file, ...maps, '-fps_mode', 'passthrough']
  const { stdout } = await ffmpeg(path, [...from, '-f', 'framemd5', '-'])
  const lines = stdout.toString().split('\n')
  return lines.filter((line) => line && !line.startsWith('#'))
}
