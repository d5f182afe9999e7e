import type { Check, CheckResult } from '../../runtime/doctor/check-result.ts'
import { readConfig, type Config } from '../../runtime/config/config.ts'
import type { Folder } from './media/media.ts'

/** An environment whose folders all lie in one folder that is gone at the end. */
export const environment = (place: Folder, changes: Record<string, string> = {}) => ({
  ...{ CACHE_DIR: place.file('cache'), SCRATCH_DIR: place.file('scratch') },
  ...{ STATE_DIR: place.file('state'), OUTPUT_DIR: place.file('outputs') },
  ...{ DEVICE: 'cpu', PORT: '0' },
  ...changes,
})

export const config = (place: Folder, changes: Record<string, string> = {}): Config =>
  readConfig(environment(place, changes))

/** All findings of one check, by their name. */
export async function findings(check: ReturnType<Check>): Promise<Record<string, CheckResult>> {
  const found: Record<string, CheckResult> = {}
  for await (const finding of await check) found[finding.check] = finding
  return found
}
