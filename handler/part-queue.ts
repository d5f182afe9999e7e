import type { ErrorPayload } from './errors.ts'
import type { JobResult } from './events/job-events.ts'
import type { RenderReport } from './render/render-task.ts'

/** Jobs that every worker of one queue takes from, and how they are; all by their ids. Bounded single tries. */
export interface PartQueue {
  /** Put a job into it, where it is not there yet. */
  offer(id: string, payload: object): Promise<void>
  /** Undefined: there is no such job. */
  look(id: string): Promise<PartState | undefined>
  /** Take a job out that nobody has begun. @returns false where there is no such job */
  takeBack(id: string): Promise<boolean>
  /** The same in whatever state: who works on it stops. */
  remove(id: string): Promise<void>
}

/** What a part's job results in: what whoever joins it with others must know, too. */
export type PartResult = JobResult & Pick<RenderReport, 'split'>

/** How far a job is, and how it ended. */
export interface PartState {
  frames: number
  result?: PartResult
  error?: ErrorPayload
}
