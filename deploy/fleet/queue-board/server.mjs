// bull-board for the queue at /, and its numbers for Prometheus at /metrics. Keep it from strangers: it shows and removes jobs.
import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { HonoAdapter } from '@bull-board/hono'
import { serve } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import { Queue } from 'bullmq'
import { Hono } from 'hono'
import { Redis } from 'ioredis'

const { REDIS_URL, BULLMQ_QUEUE = 'musetalk', BULLMQ_PREFIX = 'bull', PORT = '3000' } = process.env
const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: 1 })
connection.on('error', ({ message }) => console.error(message))
const queue = new Queue(BULLMQ_QUEUE, { connection, prefix: BULLMQ_PREFIX })
queue.on('error', () => {}) // the connection has said so

const board = new HonoAdapter(serveStatic)
createBullBoard({ queues: [new BullMQAdapter(queue)], serverAdapter: board })
const app = new Hono()
app.get('/metrics', async (c) => c.text(`${await queue.exportPrometheusMetrics()}\n`))
app.onError((error, c) => c.text(error.message, 503))
app.route('/', board.registerPlugin())
serve({ fetch: app.fetch, port: Number(PORT) }, ({ port }) => console.log(`listening on ${port}`))

process.once('SIGTERM', () => process.exit(0))
