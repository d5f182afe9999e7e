import { defineCommand, JSON_OPTION } from '../command.ts'

export const doctorCommand = defineCommand({
  name: 'doctor',
  summary: 'what works on this machine, what does not, and what to do',
  usage: ['doctor [--json] [--bundle-report FILE]'],
  example: 'doctor',
  options: {
    json: JSON_OPTION,
    'bundle-report': {
      type: 'string',
      value: 'FILE',
      help: 'also write what a bug report needs, without secrets, to this new file',
    },
  },
  async run({ values, config, output }) {
    const { doctor } = await import('../../doctor/doctor.ts')
    return doctor(config, values.json ?? false, output, values['bundle-report'])
  },
})
