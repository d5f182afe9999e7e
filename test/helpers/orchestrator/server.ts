import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { createAdaptorServer } from '@hono/node-server'
import { orchestratorApp } from './app.ts'
import { Book, type BookOptions, type Job } from './state.ts'
import type { Fault, Faults } from './faults.ts'
import type { Entry, Json, Route } from './request-log.ts'

const INTERNAL_KEY = 'internal-key-of-the-test'

export interface OrchestratorOptions extends Partial<Omit<BookOptions, 'onChange'>> {
  faults?: Faults
  /** Where it listens; a container reaches the host by another address than loopback. */
  host?: string | undefined
}

/** The legacy worker's orchestrator as far as workers and clients see it, on a loopback port. */
export interface Orchestrator extends AsyncDisposable {
  url: string
  key: string
  /** Everything that happened, in order. */
  record(): Entry[]
  jobs: ReadonlyMap<string, Job>
  /** @returns the job's id, the one that was asked for */
  submit(input: Json, id: string): string
  cancel(id: string): void
  /** Let the next requests of a route meet these faults, before any others. */
  fail(route: Route, ...faults: Fault[]): void
  /** Cut all connections and be away for a while. `amnesia`: forget workers and leases. */
  restart(options: { downMs: number; amnesia?: boolean }): Promise<void>
  /** Resolves when something was recorded that makes this true. @throws the signal's reason */
  until(holds: () => boolean, signal: AbortSignal): Promise<void>
}

const SWEEP_MS = 250

export async function startOrchestrator(options: OrchestratorOptions = {}): Promise<Orchestrator> {
  const { faults = () => undefined, now = () => performance.now(), ...others } = options
  const { host = '127.0.0.1', ...rest } = others
  const watchers = new Set<() => void>()
  const record = new Set<Entry>()
  const note = (entry: Entry) => {
    record.add(entry)
    for (const watcher of watchers) watcher()
  }
  const book = new Book({ ...rest, now, onChange: note })
  const wanted = new Map<Route, Fault[]>()
  const app = orchestratorApp({
    ...{ book, key: INTERNAL_KEY, note, now },
    faults: (route) => wanted.get(route)?.shift() ?? faults(route),
  })
  let port = 0
  let server: Server

  async function up() {
    server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server
    server.listen(port, host)
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
    note({ kind: 'turn', at: now(), turn: 'up' })
  }
  async function down(amnesia: boolean) {
    note({ kind: 'turn', at: now(), turn: 'down', ...(amnesia && { amnesia }) })
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
    if (amnesia) book.forget()
  }

  await up()
  const sweeping = setInterval(() => server.listening && book.sweep(), SWEEP_MS)
  return {
    url: `http://${host}:${port}`,
    key: INTERNAL_KEY,
    record: () => [...record],
    jobs: book.jobs,
    submit: (input, id) => book.submit(id, input).id,
    cancel: (id) => void book.cancel(id),
    fail: (route, ...faults) => void wanted.set(route, [...(wanted.get(route) ?? []), ...faults]),
    async restart({ downMs, amnesia = false }) {
      await down(amnesia)
      await pause(downMs)
      await up()
    },
    async until(holds, signal) {
      signal.throwIfAborted()
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const look = () => holds() && resolve()
      const stop = () => reject(signal.reason)
      watchers.add(look)
      signal.addEventListener('abort', stop)
      look()
      await promise.finally(() => {
        watchers.delete(look)
        signal.removeEventListener('abort', stop)
      })
    },
    async [Symbol.asyncDispose]() {
      clearInterval(sweeping)
      if (server.listening) await down(false)
    },
  }
}
