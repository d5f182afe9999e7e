import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { CanceledError, InputError, UpstreamError, WorkerError } from '../../../handler/errors.ts'
import type { JobError } from '../../../handler/errors.ts'
import { EVENT_TYPES } from '../../../handler/job/webhook-schema.ts'
import { DEFAULT_TIMEOUTS } from '../../../handler/net/timeouts.ts'

const read = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8')

/** The first three cells of the rows of a table that begin with code. */
const rows = (text: string) =>
  [...text.matchAll(/^\| `([\w.]+)` \| ([^|]+) \| ([^|]+) \|/gm)].map(([, ...cells]) =>
    cells.map((cell) => cell.trim()),
  )

test('the README is short enough to be read', () => {
  expect(read('README.md').split('\n').length).toBeLessThan(151)
})

describe('the table of errors', () => {
  const CLASSES: Record<string, new (code: never, message: string) => JobError> = {
    ...{ InputCode: InputError, UpstreamCode: UpstreamError },
    ...{ WorkerCode: WorkerError, CanceledCode: CanceledError },
  }
  const source = read('handler/errors.ts')
  const declared = Object.entries(CLASSES).flatMap(([type, Class]) => {
    const [, union = ''] = new RegExp(`^type ${type} =([^]*?)\\n(?=type|export)`, 'm').exec(source)!
    return [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => new Class(code as never, ''))
  })
  test('has every code of the program, in its order, with who must act and the default of retry', () => {
    expect(declared.length).toBeGreaterThan(15)
    const [codes] = read('docs/errors.md').split('## Exit status')
    expect(rows(codes!)).toEqual(
      declared.map(({ code, fault, retryable }) => [code, fault, retryable ? 'yes' : 'no']),
    )
  })
})

describe('the page about fidelity', () => {
  test('has a row for each of the twenty checks', () => {
    const named = [...read('docs/fidelity.md').matchAll(/^\| (\d[\d, -]*) \|/gm)].flatMap(
      ([, cell]) =>
        cell!.split(', ').flatMap((part) => {
          const [from, to = from] = part.split('-').map(Number)
          return Array.from({ length: to! - from! + 1 }, (_, i) => from! + i)
        }),
    )
    expect([...new Set(named)].toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    )
  })
})

describe('the page about webhooks', () => {
  const page = read('docs/webhooks.md')
  test('has every type of event', () => {
    expect(rows(page).map(([type]) => type)).toEqual([...EVENT_TYPES])
  })
  test('tells the tries and limits that the program has', () => {
    const { tries, firstMs, maxMs } = DEFAULT_TIMEOUTS.webhook
    expect(page).toContain(`| ${tries} over 3 to 7 minutes`)
    expect(page).toContain(
      `\n${firstMs / 1000} s, 10 s, 20 s and so on up to ${maxMs / 60_000} minutes`,
    )
    expect(page).toContain(`Any 2xx within ${DEFAULT_TIMEOUTS.headersMs / 1000} seconds`)
  })
  test('has a check that takes a genuine request, and no other', async () => {
    const [, code] = /```ts\n([^]*?)```/.exec(page)!
    const plain = Buffer.from(stripTypeScriptTypes(code!))
    const module = `data:text/javascript;base64,${plain.toString('base64')}`
    const { isGenuine } = (await import(/* @vite-ignore */ module)) as {
      isGenuine(headers: object, body: string, secret: string): boolean
    }
    const { signWebhook, parseWebhookSecrets } =
      await import('../../../handler/events/webhook-signature.ts')
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
    const now = Math.floor(Date.now() / 1000)
    const headers = (time: number) => ({
      ...{ 'webhook-id': 'msg_1', 'webhook-timestamp': String(time) },
      'webhook-signature': `v1,other ${signWebhook(parseWebhookSecrets(secret)!, 'msg_1', time, '{}')}`,
    })
    expect(isGenuine(headers(now), '{}', secret)).toBe(true)
    expect(isGenuine(headers(now), '{ }', secret)).toBe(false)
    expect(isGenuine(headers(now - 600), '{}', secret)).toBe(false)

    // The one in Python has the same answers.
    const calls = [
      [headers(now), '{}'],
      [headers(now), '{ }'],
      [headers(now - 600), '{}'],
    ]
    const [, python] = /```python\n([^]*?)```/.exec(page)!
    const program = `${python}
import json, sys
secret, calls = json.load(sys.stdin)
print(json.dumps([is_genuine(headers, body.encode(), secret) for headers, body in calls]))`
    const { error, stdout, stderr } = spawnSync('python3', ['-c', program], {
      input: JSON.stringify([secret, calls]),
      encoding: 'utf8',
    })
    if (error) return // there is no Python on this machine
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual([true, false, false])
  })
})
