import { defineCommand, UsageError } from '../command.ts'
import { formatCompletion, SHELLS } from '../completion.ts'
import { nearestWord } from '../nearest-word.ts'

export const completionCommand = defineCommand({
  name: 'completion',
  summary: 'a script that makes the shell complete commands, options and files',
  usage: SHELLS.map((shell) => `completion ${shell}`),
  example: 'completion bash',
  positionals: [1, 1],
  options: {},
  run({ positionals: [given], commands, output }) {
    const shell = SHELLS.find((name) => name === given)
    if (!shell) {
      const nearest = nearestWord(given!, SHELLS)
      const meant = nearest === undefined ? '' : `; did you mean ${nearest}?`
      throw new UsageError(`completion needs bash, zsh or fish, not "${given}"${meant}`)
    }
    output.out(formatCompletion(shell, commands))
    return Promise.resolve(0)
  },
})
