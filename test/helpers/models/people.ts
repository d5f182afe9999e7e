import type { Appearance, LookAt } from '../../../handler/render/face/person/face-appearance.ts'
import type { FaceDetection, Region } from '../../../handler/render/face/face-box.ts'
import { landmarksOf } from './fake-models.ts'

/** Somebody at a place: who they are decides what they look like. */
export interface Someone {
  who: number
  at: Region
  /** What a look at the place differs by from one frame to the next. */
  stirs?: number
}

export const at = (x: number, side: number): Region => [x, 40, x + side, 40 + side]

/** As alike as different people are: not at all. */
const looks = (who: number, offset = 0): Appearance => ({
  luma: Float32Array.from({ length: 256 }, (_, i) => 120 + offset + 40 * Math.sin(i * (0.3 + who))),
  chroma: new Float32Array(512),
})

export const detection = ({ at: [...square] }: Someone): FaceDetection => ({
  detected: square,
  landmarks: Float32Array.from(landmarksOf(square)),
})

/** What is seen where: whoever stands there, else a wall. */
export const lookIn =
  (people: readonly Someone[], frame = 0): LookAt =>
  ([x1, , x2]) => {
    const middle = (x1 + x2) / 2
    const there = people.find(({ at: [from, , to] }) => middle > from && middle < to)
    return there ? looks(there.who, (there.stirs ?? 0) * (frame % 2)) : looks(9)
  }
