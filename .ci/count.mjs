// What a JSON report of Vitest counts, as "N passed, N failed, N skipped"; fails where something did, and
// adds what failed, with its reason, to the file that FAILURES names.
import { appendFileSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'

const LINES = 30

let counts = [0, 1, 0]
const failures = []
try {
  const report = JSON.parse(readFileSync(process.argv[2], 'utf8'))
  const { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites } = report
  // A file that cannot be loaded is a suite that failed without a test.
  counts = [
    numPassedTests,
    Math.max(numFailedTests, Math.min(numFailedTestSuites, 1)),
    numPendingTests,
  ]
  for (const file of report.testResults) {
    const path = relative('.', file.name)
    if (file.status === 'failed' && file.message) failures.push([path, file.message])
    for (const test of file.assertionResults)
      if (test.status === 'failed')
        failures.push([`${path} > ${test.fullName}`, test.failureMessages.join('\n')])
  }
} catch {
  failures.push([process.argv[2], 'no report: the runner itself failed'])
}
if (process.env.FAILURES !== undefined)
  for (const [name, reason] of failures)
    appendFileSync(
      process.env.FAILURES,
      `${name}\n${reason.split('\n').slice(0, LINES).join('\n')}\n`,
    )
console.log(`${counts[0]} passed, ${counts[1]} failed, ${counts[2]} skipped`)
process.exitCode = counts[1] > 0 ? 1 : 0
