import type { Models } from '../../../models/inference/models.ts'
import type { FaceDetection } from '../face/face-box.ts'
import { coveredFrames, type SeenMouth } from '../face/mouth/covered-mouth.ts'
import { mouthSamples } from '../face/mouth/mouth-samples.ts'
import { fps, type VideoInfo } from '../media/media-info.ts'
import type { ScanOptions, ScanResult } from './avatar-cache.ts'

/** Told of every frame of a scan; afterwards nothing is drawn on what is before the mouth. */
export interface MouthWatch {
  add(frame: Uint8Array, face: FaceDetection | undefined): void
  hideCovered(scanned: ScanResult): void
}

const FADE_S = 0.12

/** Undefined where a bundle parses faces, so that its masks leave out what is no face, or where the job names the boxes. */
export function mouthWatch(
  facts: VideoInfo,
  { face, compat }: ScanOptions,
  { graphs }: Models,
): MouthWatch | undefined {
  const named = typeof face === 'object' && 'boxes' in face
  if (graphs.parse || named || compat === 'reference' || facts.still) return undefined
  const mouths: (SeenMouth | undefined)[] = []
  const fade = Math.round(FADE_S * fps(facts.rate))
  return {
    add(frame, seen) {
      const { since, landmarks } = seen ?? {}
      const isFollowed = landmarks !== undefined && since !== undefined
      mouths.push(
        isFollowed ? { samples: mouthSamples(frame, facts, landmarks), since } : undefined,
      )
    },
    hideCovered({ placed }) {
      const covered = coveredFrames(mouths, facts.rate)
      for (const [i, placement] of placed.entries()) {
        if (!placement) continue
        const from = Math.max(0, i - fade)
        const near = covered.slice(from, i + fade + 1)
        const distance = Math.min(...near.map((is, k) => (is ? Math.abs(from + k - i) : fade + 1)))
        if (distance === 0) placed[i] = null
        else placement.fade *= distance / (fade + 1)
      }
    },
  }
}
