import { describe, expect, test } from 'vitest'
import { createRenderTurns, inTurn } from '../../../handler/render/render-turns.ts'

const quiet = new AbortController().signal

/** Frames that note when each is drawn. */
async function* frames(name: string, log: string[], count = 3) {
  try {
    for (let i = 0; i < count; i++) {
      log.push(`${name} draws ${i}`)
      yield new Uint8Array([i])
    }
  } finally {
    log.push(`${name} ends`)
  }
}

const settled = () => new Promise(setImmediate)

describe('renders of one process', () => {
  test('draw one after the other, and each makes its first frame ready before', async () => {
    const turns = createRenderTurns()
    const log: string[] = []
    const [one, two] = [turns.next(), turns.next()]
    expect(two.rank).toBeGreaterThan(one.rank)
    const first = inTurn(frames('one', log), one, quiet)
    const second = inTurn(frames('two', log), two, quiet)
    const all = Array.fromAsync(second)
    await settled()
    expect(log).toEqual(['one draws 0', 'two draws 0'])
    expect((await Array.fromAsync(first)).map(([i]) => i)).toEqual([0, 1, 2])
    expect((await all).map(([i]) => i)).toEqual([0, 1, 2])
    expect(log.indexOf('two draws 1')).toBeGreaterThan(log.indexOf('one ends'))
  })
  test('wait for all that came before, not only for the last', async () => {
    const turns = createRenderTurns()
    const [one, two, three] = [turns.next(), turns.next(), turns.next()]
    let came = false
    const coming = three.comes(quiet).then(() => (came = true))
    two.over()
    await settled()
    expect(came).toBe(false)
    one[Symbol.dispose]()
    await coming
  })
  test('leave with the signal, and close what they draw from', async () => {
    const turns = createRenderTurns()
    turns.next()
    const caller = new AbortController()
    const log: string[] = []
    const waiting = inTurn(frames('two', log), turns.next(), caller.signal)
    const failed = expect(Array.fromAsync(waiting)).rejects.toThrow('enough')
    caller.abort(new Error('enough'))
    await failed
    expect(log).toEqual(['two draws 0', 'two ends'])
    await expect(turns.next().comes(caller.signal)).rejects.toThrow('enough')
  })
  test('let the next one come when they fail', async () => {
    const turns = createRenderTurns()
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1)
      throw new Error('no more')
    }
    const [one, two] = [turns.next(), turns.next()]
    await expect(Array.fromAsync(inTurn(failing(), one, quiet))).rejects.toThrow('no more')
    await two.comes(quiet)
  })
})
