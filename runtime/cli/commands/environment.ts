import {
  describeEnvironment,
  formatEnvironmentFile,
  formatEnvironmentList,
} from '../../config/environment-reference.ts'
import { defineCommand, JSON_OPTION } from '../command.ts'

export const environmentCommand = defineCommand({
  name: 'environment',
  summary: 'every variable that is read, its default and what it means',
  usage: ['environment [--file] [--json]'],
  example: 'environment --file',
  options: {
    file: { type: 'boolean', help: 'as a file for docker run --env-file, everything in comments' },
    json: JSON_OPTION,
  },
  run({ values, output }) {
    const groups = describeEnvironment()
    if (values.json) output.out(`${JSON.stringify(groups)}\n`)
    else output.out(values.file ? formatEnvironmentFile(groups) : formatEnvironmentList(groups))
    return Promise.resolve(0)
  },
})
