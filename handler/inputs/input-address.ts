import { createHash } from 'node:crypto'
import { urlProblem } from '../net/ip-guard.ts'
import { decodeDataUrl } from './inline-media.ts'
import type { InputBuckets } from './input-buckets.ts'
import type { UploadStore } from './upload-store.ts'

/** How an input of a job is said: a path, in the job itself, or where it is fetched from. */
export type InputKind = 'path' | 'data' | 'upload' | 'bucket' | 'http'

/** Whatever names no scheme of ours counts as `http`, whose check refuses it. */
export function inputKind(input: string): InputKind {
  if (isPath(input)) return 'path'
  if (input.startsWith('data:')) return 'data'
  if (input.startsWith('upload:')) return 'upload'
  return /^(s3|b2):/.test(input) ? 'bucket' : 'http'
}

/** Whether an input names a file of this machine; only a worker that allows it sees such a job. */
export const isPath = (input: string): boolean =>
  input.startsWith('file:') || !/^[a-z][a-z0-9+.-]*:/i.test(input)

/** What a worker takes beside http and data: URLs. */
export interface InputRules {
  allowFileInputs: boolean
  /** Files that were sent to this worker before. */
  uploads?: UploadStore
  /** Buckets that jobs may name. */
  buckets?: InputBuckets
}

/** Why this worker does not take an input, as the end of a sentence; undefined where it does. */
export function inputProblem(input: string, rules: InputRules): string | undefined {
  switch (inputKind(input)) {
    case 'path':
      return rules.allowFileInputs ? undefined : urlProblem(input)
    case 'data': {
      const decoded = decodeDataUrl(input)
      return typeof decoded === 'string' ? decoded : undefined
    }
    case 'upload':
      return rules.uploads
        ? rules.uploads.problem(input)
        : 'names an upload, which only the server that has it can read'
    case 'bucket':
      return rules.buckets
        ? rules.buckets.problem(input)
        : 'names a bucket; this worker reads none (INPUT_BUCKETS)'
    case 'http':
      return urlProblem(input)
  }
}

/** SHA-256 of an input that is here already; undefined for one that is still to be fetched. */
export function contentDigest(input: string, { uploads }: InputRules): string | undefined {
  switch (inputKind(input)) {
    case 'upload':
      return uploads?.digestOf(input)
    case 'data':
      return createHash('sha256').update(decodeDataUrl(input)).digest('hex')
    default:
      return undefined
  }
}
