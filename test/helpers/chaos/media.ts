import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { makeSound, makeVideo, type Folder } from '../media/media.ts'
import type { Ffmpeg } from '../../../handler/render/media/ffmpeg.ts'
import type { Box } from '../../../models/pixels/image.ts'
import type { Random } from '../orchestrator/random.ts'
import { webServer, type WebServer } from '../servers/loopback-server.ts'

/** How each input that cannot become a video must fail. */
export const HOPELESS = {
  'absent.mp4': 'DOWNLOAD_FAILED',
  'empty-room.mp4': 'NO_FACE',
  'noise.mp4': 'MEDIA_UNREADABLE',
} as const

/** How long the recording is that jobs speak in parts, seconds. */
export const LECTURE_S = 12
/** Loud and quiet in turn, so that it shows which of its moments a frame speaks. */
const UNEVEN = ['-af', 'volume=4,tremolo=f=0.7:d=0.9']

export interface MediaServer extends WebServer {
  /** Requests that met an accident. */
  faults(): number
}

/** Serves tiny inputs with ranges and ETags, and accidents on a share of the requests. */
export async function serveInputs(
  { file }: Folder,
  ffmpeg: Ffmpeg,
  random: Random,
  share: number,
): Promise<MediaServer> {
  const small = { width: 96, height: 72, frames: 4 }
  const face = [28, 8, 68, 48] as const
  await makeVideo(ffmpeg, file('face.mp4'), { ...small, faces: () => [[...face]] })
  const lecturer = { ...small, frames: 25 * LECTURE_S + 10, faces: () => [[...face] as Box] }
  await makeVideo(ffmpeg, file('lecturer.mp4'), lecturer)
  await makeVideo(ffmpeg, file('empty-room.mp4'), { ...small, faces: () => [] })
  await makeSound(ffmpeg, file('voice.wav'), 0.2)
  await makeSound(ffmpeg, file('lecture.wav'), LECTURE_S, UNEVEN)
  const noise = createHash('sha512').update('noise').digest()
  const files = new Map([
    ['/face.mp4', await readFile(file('face.mp4'))],
    ['/empty-room.mp4', await readFile(file('empty-room.mp4'))],
    ['/lecturer.mp4', await readFile(file('lecturer.mp4'))],
    ['/voice.wav', await readFile(file('voice.wav'))],
    ['/lecture.wav', await readFile(file('lecture.wav'))],
    ['/noise.mp4', Buffer.concat(Array.from({ length: 40 }, () => noise))],
  ])
  let faults = 0
  const server = await webServer((request, response) => {
    const accident = random.chance(share) ? random.between(0, 3) : undefined
    if (accident !== undefined) faults++
    if (accident === 0) return void response.writeHead(500).end()
    if (accident === 1) return void response.writeHead(503, { 'retry-after': '1' }).end()
    if (accident === 2) return request.socket.resetAndDestroy() as never
    const content = files.get(new URL(request.url!, 'http://any').pathname)
    if (!content) return void response.writeHead(404).end()
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const rest = content.subarray(from)
    response.writeHead(from > 0 ? 206 : 200, {
      ...{ etag: '"v1"', 'accept-ranges': 'bytes', 'content-length': rest.length },
      ...(from > 0 && { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }),
    })
    if (accident === undefined) response.end(rest)
    else response.write(rest.subarray(0, rest.length >> 1), () => response.destroy())
  })
  return { ...server, faults: () => faults }
}
