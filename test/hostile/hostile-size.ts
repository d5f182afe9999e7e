/** How much is tried: a sample unless HOSTILE_TEST asks for the whole, which takes half an hour. */
const isWhole = (): boolean => process.env['HOSTILE_TEST'] === '1'

/** HOSTILE_MUTATIONS names another number. */
export const mutationCount = (): number =>
  Number(process.env['HOSTILE_MUTATIONS']) || (isWhole() ? 2000 : 2)
/** Containers of videos, and of recordings, that are damaged. */
export const mediaCount = (): number => (isWhole() ? Infinity : 1)
export const jobCount = (): number => (isWhole() ? 2000 : 10)
