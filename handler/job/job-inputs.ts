import type { ValidationIssue } from '../errors.ts'
import { contentDigest, inputProblem, type InputRules } from '../inputs/input-address.ts'
import { toDataUrl } from '../inputs/inline-media.ts'
import { directLink } from '../inputs/share-links.ts'
import { isObject } from './job-problems.ts'

/** The names under which an input may come. */
const namesOf = (input: 'video' | 'audio') => [`${input}_url`, input, `${input}_base64`] as const

/** What can only be said of all names of an input together, and of what this worker takes. */
export function inputProblems(payload: unknown, rules: InputRules): ValidationIssue[] {
  if (!isObject(payload)) return []
  return (['video', 'audio'] as const).flatMap((input): ValidationIssue[] => {
    const names = namesOf(input)
    const [first, ...more] = names.filter((name) => payload[name] !== undefined)
    if (first === undefined) return [{ path: [names[0]], message: 'is required' }]
    if (more.length > 0) {
      return more.map((name) => ({
        path: [name],
        message: `is another way to give ${first}; give one of them`,
      }))
    }
    if (typeof payload[first] !== 'string' || payload[first] === '') return [] // the schema has said so
    const message = inputProblem(inputOf(payload, input)!, rules)
    return message === undefined ? [] : [{ path: [first], message }]
  })
}

/** An input's address under whatever name it came; of a share link the direct one. */
export function inputOf(
  job: Record<string, unknown>,
  input: 'video' | 'audio',
): string | undefined {
  const [url, alias, base64] = namesOf(input).map((name) => job[name] as string | undefined)
  if (base64 !== undefined) return toDataUrl(base64)
  const address = url ?? alias
  return address?.startsWith('https:') && URL.canParse(address) ? directLink(address) : address
}

/** SHA-256 of the inputs whose content is known before anything is fetched. */
export function contentsOf(inputs: { video_url: string; audio_url: string }, rules: InputRules) {
  const video_url = contentDigest(inputs.video_url, rules)
  const audio_url = contentDigest(inputs.audio_url, rules)
  return { ...(video_url && { video_url }), ...(audio_url && { audio_url }) }
}
