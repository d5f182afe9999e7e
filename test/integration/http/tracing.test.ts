import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { createClient } from '../../../runtime/client/client.ts'
import { pushServer } from '../../helpers/servers/worker-server.ts'

/** Takes whatever is posted to it. */
async function startReceiver() {
  const requests: { path: string; headers: IncomingMessage['headers']; body: any }[] = []
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const body = JSON.parse(await text(request)) as unknown
    requests.push({ path: request.url!, headers: request.headers, body })
    response.setHeader('content-type', 'application/json').end('{}')
  }
  const server = createServer((request, response) => void take(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

interface OtlpSpan {
  name: string
  traceId: string
  spanId: string
  parentSpanId?: string
  startTimeUnixNano: string
  endTimeUnixNano: string
  status: { code?: number }
  attributes: { key: string; value: Record<string, unknown> }[]
}

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const CALLER = 'b7ad6b7169203331'

test('a job and its stages are spans below the caller’s; its webhooks and log lines carry the trace', async () => {
  await using collector = await startReceiver()
  await using hook = await startReceiver()
  const at = await pushServer({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
  {
    await using _ended = at
    const withTrace: typeof fetch = (input, init) =>
      fetch(input, {
        ...init,
        headers: { ...(init?.headers as object), traceparent: `00-${TRACE}-${CALLER}-01` },
      })
    const { jobs } = createClient(at.url, { fetch: withTrace })
    const webhook = `${hook.url}/hook`
    const { id } = await jobs.submit({ ...at.job, id: 'traced', webhook })
    await jobs.wait(id)
    const wrong = { ...at.job, id: 'wrong', audio_url: 'http://127.0.0.1:1/nothing' }
    const failed = await createClient(at.url).jobs.submit(wrong)
    await createClient(at.url).jobs.cancel(failed.id)
  }
  const posts = collector.requests.filter(({ path }) => path === '/v1/traces')
  const resources = posts.flatMap(({ body }) => body.resourceSpans)
  expect(resources[0].resource.attributes).toContainEqual({
    ...{ key: 'service.name', value: { stringValue: 'musetalk-worker' } },
  })
  const spans: OtlpSpan[] = resources.flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap((scope: { spans: OtlpSpan[] }) => scope.spans),
  )
  const job = spans.find(({ name, traceId }) => name === 'job' && traceId === TRACE)!
  expect(job.parentSpanId).toBe(CALLER)
  expect(job.attributes).toContainEqual({
    ...{ key: 'musetalk.job.id', value: { stringValue: 'traced' } },
  })
  const stages = spans.filter(({ parentSpanId }) => parentSpanId === job.spanId)
  expect(stages.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['download', 'probe', 'speech', 'generate', 'encode', 'upload']),
  )
  for (const { startTimeUnixNano: from, endTimeUnixNano: to } of stages) {
    expect(BigInt(to) >= BigInt(from)).toBe(true)
  }
  // A job that nobody followed has a trace of its own.
  const canceled = spans.find(({ name, traceId }) => name === 'job' && traceId !== TRACE)!
  expect(canceled.parentSpanId ?? '').toBe('')
  expect(canceled.status.code).toBe(2)

  expect(hook.requests.length).toBeGreaterThan(0)
  for (const { headers } of hook.requests) {
    expect(headers['traceparent']).toBe(`00-${TRACE}-${job.spanId}-01`)
  }
  const lines = at.logged.filter((line) => line.fields['job'] === 'traced')
  expect(lines.length).toBeGreaterThan(3)
  for (const line of lines) expect(line.fields).toMatchObject({ trace_id: TRACE })
})
