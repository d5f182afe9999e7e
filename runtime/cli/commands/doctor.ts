import { doctor } from '../../doctor/doctor.ts'
import { defineCommand, JSON_OPTION } from '../command.ts'

export const doctorCommand = defineCommand({
  name: 'doctor',
  summary: 'what works on this machine, what does not, and what to do',
  usage: ['doctor [--json]'],
  example: 'doctor',
  options: { json: JSON_OPTION },
  run: ({ values, config, output }) => doctor(config, values.json ?? false, output),
})
