import type { ValidationIssue } from '../errors.ts'
import { contentDigest, inputProblem, type InputRules } from '../inputs/input-address.ts'
import { toDataUrl } from '../inputs/inline-media.ts'
import { directLink } from '../inputs/share-links.ts'
import type { JobFace } from './face-schema.ts'
import { isObject } from './job-problems.ts'

type Path = readonly (string | number)[]

/** The names under which an input may come. */
const namesOf = (input: 'video' | 'audio') => [`${input}_url`, input, `${input}_base64`] as const

/** What can only be said of all names of an input together, and of what this worker takes. */
export function inputProblems(payload: unknown, rules: InputRules): ValidationIssue[] {
  if (!isObject(payload)) return []
  const { segments, faces } = payload
  const listOf = (field: string, list: unknown) =>
    Array.isArray(list)
      ? list.map((item, i): [Path, unknown] => [[field, i], item]).slice(0, 64)
      : []
  const entries = [...listOf('segments', segments), ...listOf('faces', faces)]
  const hasOwn = (entry: unknown) =>
    isObject(entry) && namesOf('audio').some((name) => entry[name] !== undefined)
  const isShared = namesOf('audio').some((name) => payload[name] !== undefined)
  const needed = segments === undefined && faces === undefined
  return [
    ...problemsOf(payload, 'video', [], true, rules),
    ...problemsOf(payload, 'audio', [], needed, rules),
    ...entries.flatMap(([path, entry]) =>
      isObject(entry)
        ? problemsOf(entry, 'audio', path, !isShared || path[0] === 'faces', rules)
        : [],
    ),
    ...boxProblems(payload, [], rules),
    ...entries.flatMap(([path, entry]) => boxProblems(entry, path, rules)),
    ...clashes(payload, entries.length > 0 && entries.every(([, entry]) => hasOwn(entry))),
  ]
}

/** Ways to say who speaks that exclude each other. */
function clashes(job: Record<string, unknown>, allHaveTheirOwn: boolean): ValidationIssue[] {
  const { segments, faces, face, speech } = job
  const audio = namesOf('audio').find((name) => job[name] !== undefined)
  const problems: ValidationIssue[] = []
  const add = (field: string, message: string) => void problems.push({ path: [field], message })
  if (segments !== undefined && faces !== undefined) {
    add('faces', 'is not for jobs with segments; give each segment its face')
  }
  if (faces !== undefined && face !== undefined) add('face', 'is another way to say faces')
  if ((segments ?? faces) !== undefined && speech !== undefined) {
    add('speech', 'must be said of each segment or face')
  }
  if (audio && allHaveTheirOwn) add(audio, 'is not spoken: all who speak have their own')
  return problems
}

function problemsOf(
  holder: Record<string, unknown>,
  input: 'video' | 'audio',
  path: Path,
  required: boolean,
  rules: InputRules,
): ValidationIssue[] {
  const names = namesOf(input)
  const [first, ...more] = names.filter((name) => holder[name] !== undefined)
  if (first === undefined) {
    return required ? [{ path: [...path, names[0]], message: 'is required' }] : []
  }
  if (more.length > 0) {
    return more.map((name) => ({
      path: [...path, name],
      message: `is another way to give ${first}; give one of them`,
    }))
  }
  if (typeof holder[first] !== 'string' || holder[first] === '') return [] // the schema has said so
  const message = inputProblem(inputOf(holder, input)!, rules)
  return message === undefined ? [] : [{ path: [...path, first], message }]
}

/** Of a face whose boxes lie elsewhere. */
function boxProblems(holder: unknown, path: Path, rules: InputRules): ValidationIssue[] {
  const face = isObject(holder) ? holder['face'] : undefined
  const address = isObject(face) ? face['boxes_url'] : undefined
  if (typeof address !== 'string' || address === '') return []
  const message = inputProblem(directAddress(address), rules)
  return message === undefined ? [] : [{ path: [...path, 'face', 'boxes_url'], message }]
}

/** An input's address under whatever name it came; of a share link the direct one. */
export function inputOf(
  job: Record<string, unknown>,
  input: 'video' | 'audio',
): string | undefined {
  const [url, alias, base64] = namesOf(input).map((name) => job[name] as string | undefined)
  if (base64 !== undefined) return toDataUrl(base64)
  const address = url ?? alias
  return address === undefined ? undefined : directAddress(address)
}

/** Of a share link the address of what it shares; any other as it is. */
export const directAddress = (address: string): string =>
  address.startsWith('https:') && URL.canParse(address) ? directLink(address) : address

interface NamedInputs {
  video_url: string
  voices: readonly { field: string; audio_url: string; face: JobFace; faceField: string }[]
}

/** All inputs of a job by the field that names them. */
export const inputsOf = ({ video_url, voices }: NamedInputs) =>
  Object.fromEntries([
    ['video_url', video_url],
    ...voices.map(({ field, audio_url }) => [field, audio_url]),
    ...voices.flatMap(({ face, faceField }) =>
      typeof face === 'object' && 'boxes_url' in face
        ? [[`${faceField}.boxes_url`, face.boxes_url]]
        : [],
    ),
  ]) as Record<string, string>

/** SHA-256 of the inputs whose content is known before anything is fetched, by their field. */
export function contentsOf(inputs: Record<string, string>, rules: InputRules) {
  const known = Object.entries(inputs).map(([field, address]) => [
    field,
    contentDigest(address, rules),
  ])
  return Object.fromEntries(known.filter(([, digest]) => digest)) as Record<string, string>
}
