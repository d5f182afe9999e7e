import * as v from 'valibot'
import { urlProblem } from '../net/ip-guard.ts'

/** A URL of the kinds in docs/job.md, or where the worker allows it a path; `parseJob` knows which. */
export const mediaInput = (what: string) => v.pipe(v.string(), v.minLength(1), v.description(what))

/** An address that the worker itself calls: http or https, and not of this network's inside. */
export const Url = v.pipe(
  v.string(),
  v.rawCheck(({ dataset, addIssue }) => {
    const message = dataset.typed ? urlProblem(dataset.value) : undefined
    if (message !== undefined) addIssue({ message })
  }),
)
