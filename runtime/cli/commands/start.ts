import { resolveJobSource } from '../../config/job-source.ts'
import { startWorker } from '../../worker/worker.ts'
import { defineCommand } from '../command.ts'

export const startCommand = defineCommand({
  name: 'start',
  summary: 'take jobs from whom the environment names, and over HTTP',
  usage: ['start'],
  example: 'start',
  options: {},
  run({ config }) {
    const environment = config()
    return startWorker(environment, resolveJobSource(environment))
  },
})

export const serveCommand = defineCommand({
  name: 'serve',
  summary: 'take jobs over HTTP only',
  usage: ['serve'],
  example: 'serve',
  options: {},
  run: ({ config }) => startWorker(config()),
})
