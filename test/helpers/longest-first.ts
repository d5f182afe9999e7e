import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** These take longer than their files' sizes say, by which Vitest orders what it has not run before. */
const LONGEST = /\/(sources\/chaos|page\/\w+|engine\/engine)\.test\.ts$/

/** Begins with what takes longest, so that nothing is left to run alone at the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- this is the sequencer's own
    const others = await super.sort(files)
    const rank = ({ moduleId }: TestSpecification) => (LONGEST.test(moduleId) ? 0 : 1)
    return others.toSorted((a, b) => rank(a) - rank(b))
  }
}
