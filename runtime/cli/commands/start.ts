import type { Config } from '../../config/config.ts'
import { resolveJobSource } from '../../config/job-source.ts'
import { defineCommand, UsageError } from '../command.ts'

export const startCommand = defineCommand({
  name: 'start',
  summary: 'take jobs from whom the environment names, and over HTTP',
  usage: ['start'],
  example: 'start',
  options: {},
  async run({ config }) {
    const environment = config()
    const mode = sourceOf(environment)
    const { startWorker } = await import('../../worker/worker.ts')
    return startWorker(environment, { mode })
  },
})

function sourceOf(config: Config) {
  try {
    return resolveJobSource(config)
  } catch (error) {
    throw new UsageError((error as Error).message, 'INVALID_ENVIRONMENT')
  }
}

export const serveCommand = defineCommand({
  name: 'serve',
  summary: 'take jobs over HTTP only',
  usage: ['serve'],
  example: 'serve',
  options: {},
  async run({ config }) {
    const environment = config()
    const { startWorker } = await import('../../worker/worker.ts')
    return startWorker(environment)
  },
})
