import type { ServerResponse } from 'node:http'
import { Webhook } from 'standardwebhooks'
import type { JobEvent } from '../../../handler/events/job-events.ts'
import { bodyOf, webServer } from './loopback-server.ts'

export interface Delivery {
  id: string
  timestamp: number
  signature: string | undefined
  body: string
  event: JobEvent
  /** Of a clock that never jumps, milliseconds. */
  at: number
}

export interface Receiver extends AsyncDisposable {
  url: string
  /** Every request, refused ones too. */
  deliveries: Delivery[]
  /** Requests that were answered at the same time, at most. */
  mostAtOnce(): number
  /** Check a delivery as an independent implementation does; throws where it is not genuine. */
  verify(delivery: Delivery, secret: string): unknown
  /** Types in the order in which they came. */
  types(): string[]
}

/** Takes webhooks. @param answer says no, or says yes late; 204 at once where unset */
export async function receiver(
  answer: (response: ServerResponse, delivery: Delivery, before: number) => void = (response) =>
    response.writeHead(204).end(),
): Promise<Receiver> {
  const deliveries: Delivery[] = []
  let open = 0
  let most = 0
  const server = await webServer(async (request, response) => {
    most = Math.max(most, ++open)
    response.on('close', () => open--)
    const body = (await bodyOf(request)).toString()
    const { headers } = request
    const delivery = {
      id: String(headers['webhook-id']),
      timestamp: Number(headers['webhook-timestamp']),
      signature: headers['webhook-signature'] as string | undefined,
      body,
      event: (JSON.parse(body) as { data: JobEvent }).data,
      at: performance.now(),
    }
    deliveries.push(delivery)
    answer(response, delivery, deliveries.length - 1)
  })
  return {
    url: server.url('/hook?token=of-the-receiver'),
    deliveries,
    mostAtOnce: () => most,
    verify: ({ id, timestamp, signature = '', body }, secret) =>
      new Webhook(secret).verify(body, {
        ...{ 'webhook-id': id, 'webhook-timestamp': String(timestamp) },
        'webhook-signature': signature,
      }),
    types: () => deliveries.map(({ event }) => event.type),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
