import * as v from 'valibot'
import { LENGTHS } from '../render/render-options.ts'

/** sync.so's words for our `length`. */
export const LENGTH_OF_SYNC_MODE = {
  bounce: 'audio',
  loop: 'loop',
  cut_off: 'shortest',
  silence: 'video',
  remap: 'remap',
} as const

/** What decides how long the result is. */
export const Length = v.pipe(
  v.picklist(LENGTHS),
  v.description('What decides how long the result is.'),
)

/** How a source that is looped begins again. */
export const LoopCut = v.pipe(
  v.picklist(['hard', 'soft']),
  v.description(
    'Where length "loop" begins again: at once, or its last picture fades over 0.2 s into the first ones.',
  ),
)

/** The same in sync.so's words. */
export const SyncMode = v.pipe(
  v.picklist(['bounce', 'loop', 'cut_off', 'silence', 'remap']),
  v.description('Another name of length, in sync.so’s words.'),
)
