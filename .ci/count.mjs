// What a JSON report of Vitest counts, as "N passed, N failed, N skipped"; fails where something did.
import { readFileSync } from 'node:fs'

let counts = [0, 1, 0]
try {
  const report = JSON.parse(readFileSync(process.argv[2], 'utf8'))
  const { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites } = report
  // A file that cannot be loaded is a suite that failed without a test.
  counts = [
    numPassedTests,
    Math.max(numFailedTests, Math.min(numFailedTestSuites, 1)),
    numPendingTests,
  ]
} catch {
  // no report: the runner itself failed
}
console.log(`${counts[0]} passed, ${counts[1]} failed, ${counts[2]} skipped`)
process.exitCode = counts[1] > 0 ? 1 : 0
