import { execFileSync } from 'node:child_process'
import { join, resolve } from 'node:path'

const demo = resolve(import.meta.dirname, '../demo')

/** Makes what a benchmark is fed, with ffmpeg's own generators and the embedded portrait. */
export interface MediaMaker {
  /**
   * The portrait on a canvas, drifting slowly, as an ordinary H.264 video at 25 fps. With grain it leaves x264 as much to do as
   * a camera does: between frames a quarter of a level, like a filmed person at the same size, and 1.3 Mbit/s at 720p.
   */
  portrait(width: number, height: number, seconds: number, look?: 'clean' | 'grain'): string
  /** A video again and again, its packets as they are. */
  repeated(video: string, seconds: number): string
  /** A video with a sound of its own. */
  withSound(video: string, sound: string): string
  /** The embedded recording, again and again. */
  speech(seconds: number): string
}

/** @param dir where the files go */
export function mediaMaker(dir: string, ffmpeg = 'ffmpeg'): MediaMaker {
  const make = (args: string[], name: string): string => {
    const file = join(dir, name)
    execFileSync(ffmpeg, ['-v', 'error', ...args, '-y', file])
    return file
  }
  return {
    portrait(width, height, seconds, look = 'clean') {
      const side = Math.min(width, height)
      const drift = `crop=${side}:${side}:16+14*sin(t):16+14*cos(0.7*t)`
      const canvas = `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2:0x808890`
      const grain = look === 'grain' ? ',noise=alls=7:allf=t' : ''
      const filter = `scale=${side + 32}:${side + 32},${drift},${canvas}${grain}`
      const still = ['-loop', '1', '-r', '25', '-t', String(seconds)]
      const encode = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p']
      const input = [...still, '-i', join(demo, 'portrait.png')]
      return make([...input, '-vf', filter, ...encode], `${width}x${height}-${seconds}-${look}.mp4`)
    },
    repeated(video, seconds) {
      const input = ['-stream_loop', '-1', '-i', video]
      return make([...input, '-t', String(seconds), '-c', 'copy'], `repeated-${seconds}.mp4`)
    },
    withSound(video, sound) {
      const tracks = ['-i', video, '-i', sound, '-map', '0:v', '-map', '1:a', '-c:v', 'copy']
      return make([...tracks, '-c:a', 'aac', '-shortest'], 'sounding.mp4')
    },
    speech(seconds) {
      const input = ['-stream_loop', '-1', '-i', join(demo, 'speech.wav')]
      return make([...input, '-t', String(seconds)], `speech-${seconds}.wav`)
    },
  }
}
