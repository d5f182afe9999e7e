import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { createGuardedFetch } from '../../../handler/net/guarded-fetch.ts'
import { DEFAULT_TIMEOUTS } from '../../../handler/net/timeouts.ts'
import { pullBundle } from '../../../runtime/bundle-pull/pull-bundle.ts'
import { PullError } from '../../../runtime/bundle-pull/pull-error.ts'
import { pullOptions } from '../hub/pull.ts'
import { smallRecipe } from '../hub/small-recipe.ts'

// A pull in a process of its own, to be killed: says on stdout what it does, and where it waits for that.
const [, , endpoint, path, waitIn] = process.argv
const say = (text: string) => void process.stdout.write(`${text}\n`)
const reach = async (moment: string) => {
  say(moment)
  if (moment === waitIn) await new Promise((resolve) => setTimeout(resolve, 60_000))
}
const recipe = smallRecipe()
recipe.halfway = () => reach('fill')
const file = (name: string) => `${path}/${name}`
const place = { path: path!, file, [Symbol.asyncDispose]: async () => {} }
const options = pullOptions(place, endpoint!, {
  // It may have to wait for a hub that waits for the test.
  timeouts: DEFAULT_TIMEOUTS,
  fetch: createGuardedFetch({ isBlocked: () => false }),
  recipe,
  verify: () => reach('verify'),
  onEvent: ({ type }) => say(type),
})
// Nothing of the program is called around its last step, so the step itself says when it is taken.
const { rename } = fs
fs.rename = async (from, to) => {
  const last = to === options.directory && String(from).endsWith('/bundle')
  if (last) await reach('move')
  await rename(from, to)
  if (last) await reach('moved')
}
syncBuiltinESMExports()
try {
  const { present } = await pullBundle(options)
  say(present ? 'present' : 'made')
} catch (error) {
  say(error instanceof PullError ? error.code : String(error))
  process.exitCode = 1
}
