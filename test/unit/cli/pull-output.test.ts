import { expect, test } from 'vitest'
import { createPullPrinter } from '../../../runtime/cli/pull-output.ts'
import type { PullEvent } from '../../../runtime/bundle-pull/pull-events.ts'

const at = (bytes: number): PullEvent => ({
  ...{ type: 'progress', phase: 'download', file: 'net/unet.pth', bytes, total: 4e9 },
  ...{ bytesPerSecond: 50e6, etaS: (4e9 - bytes) / 50e6 },
})
const plan: PullEvent = {
  ...{ type: 'plan', name: 'musetalk-v1.5', directory: '/b/musetalk-v1.5', precision: 'fp32' },
  ...{ cuda: false, from: 'https://hub.test', bundleBytes: 3.7e9, neededBytes: 7.7e9 },
  freeBytes: 50e9,
  here: [{ path: 'a.bin', bytes: 3e8, license: 'MIT', origin: 'acme/a @ 1', local: '/here/a.bin' }],
  fetch: [
    { path: 'net/unet.pth', bytes: 3.4e9, license: 'MIT', origin: 'acme/net @ 2' },
    { path: 'net/unet.json', bytes: 748, license: 'MIT', origin: 'acme/net @ 2' },
  ],
}

function printed(events: PullEvent[], isTTY: boolean) {
  let text = ''
  const print = createPullPrinter({ isTTY, columns: 100, write: (part) => void (text += part) })
  for (const event of events) print(event)
  return text
}

test('the plan is a line for each file, with license and origin, and what it costs', () => {
  expect(printed([plan], false).split('\n')).toEqual([
    'musetalk-v1.5, fp32, into /b/musetalk-v1.5: 3.70 GB',
    '  a.bin                                 300.0 MB  MIT  here: /here/a.bin',
    '3.40 GB to fetch from https://hub.test:',
    '  net/unet.pth                           3.40 GB  MIT  acme/net @ 2',
    '  net/unet.json                            748 B  MIT  acme/net @ 2',
    'disk: 7.70 GB needed, 50.00 GB free',
    '',
  ])
})

test('elsewhere than on a terminal a line is printed now and then', () => {
  const steps = Array.from({ length: 101 }, (_, i) => at(i * 4e7))
  const lines = printed(steps, false).trimEnd().split('\n')
  expect(lines.length).toBeLessThan(25)
  expect(lines[10]).toMatch(
    /^ 52 % fetching net\/unet\.pth, 2\.08 GB of 4\.00 GB, 50\.0 MB\/s, 39 s to go$/,
  )
})

test('on a terminal a bar is drawn over itself, and lines go above it', () => {
  const text = printed([at(1e9), { type: 'note', message: 'look' }, at(2e9)], true)
  expect(text.split('\n')).toEqual([
    expect.stringMatching(/^\r\x1b\[K█{6}░{18} {2}25 % .*\r\x1b\[Knote: look$/),
    expect.stringMatching(/^\r\x1b\[K█{12}░{12} {2}50 % /),
  ])
})

test('each phase is announced', () => {
  const fill = (bytes: number): PullEvent => ({
    type: 'progress',
    phase: 'fill',
    bytes,
    total: 100,
  })
  const verify: PullEvent = { type: 'progress', phase: 'verify', bytes: 0, total: 0 }
  expect(printed([at(4e9), fill(0), fill(1), verify], false).split('\n')).toEqual([
    expect.stringContaining('100 % fetching'),
    expect.stringContaining('0 % making the graphs'),
    'verifying',
    '',
  ])
})
