// The last word of `npm run coverage`: how many lines no test enters, of all and file by file, the most
// first. What runs only in child processes and threads counts as not entered: they are not measured.
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'

const { total, ...files } = JSON.parse(readFileSync('coverage/coverage-summary.json', 'utf8'))
const missed = ({ lines }) => lines.total - lines.covered
const worst = Object.entries(files)
  .filter(([, file]) => missed(file) > 0)
  .toSorted(([, a], [, b]) => missed(b) - missed(a))
for (const [path, file] of worst) {
  console.log(`${String(missed(file)).padStart(5)}  ${relative(process.cwd(), path)}`)
}
console.log(`${missed(total)} of ${total.lines.total} lines are entered by no test`)
