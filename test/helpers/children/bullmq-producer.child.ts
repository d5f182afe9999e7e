import { Queue, QueueEvents } from 'bullmq'
import { Redis } from 'ioredis'

// What somebody else's program does: adds one job and says what it sees of it. Arguments: URL, job, options.
const [url, data, options] = process.argv.slice(2)
const connection = new Redis(url!, { maxRetriesPerRequest: null })
const queue = new Queue('musetalk', { connection })
const events = new QueueEvents('musetalk', { connection: connection.duplicate() })
await events.waitUntilReady()
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`)
events.on('progress', ({ data }) => say({ progress: data }))
const job = await queue.add('render', JSON.parse(data!), JSON.parse(options ?? '{}'))
say({ added: job.id })
await job.waitUntilFinished(events).then(
  (result: unknown) => say({ result }),
  (error: Error) => say({ failed: error.message }),
)
await events.close()
await queue.close()
process.exit(0)
