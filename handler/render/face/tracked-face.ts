import type { FaceDetection } from './face-box.ts'
import type { ViewedFrame } from './scene-cut.ts'

/** What is known of the face of a job in one frame. */
export interface Tracked {
  seen: FaceDetection | undefined
  /** Something is before the face, or it has gone: it is not the detector that missed it. */
  hidden: boolean
}

/**
 * Finds the one face of a job in frame after frame. Some frames may be in work at once: a frame is
 * searched where the face was so many frames before, so the outcome does not depend on timing.
 */
export interface Tracker {
  detect(frame: ViewedFrame, index: number): Promise<Tracked>
}
