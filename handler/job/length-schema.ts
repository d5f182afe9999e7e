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

/** The same in sync.so's words. */
export const SyncMode = v.pipe(
  v.picklist(['bounce', 'loop', 'cut_off', 'silence', 'remap']),
  v.description('Another name of length, in sync.so’s words.'),
)
