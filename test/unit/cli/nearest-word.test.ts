import { expect, test } from 'vitest'
import { nearestWord } from '../../../runtime/cli/nearest-word.ts'

const WORDS = ['video', 'audio', 'out', 'fps', 'crf', 'length', 'json']

test.each([
  ['vidoe', 'video'],
  ['vdeo', 'video'],
  ['viideo', 'video'],
  ['len', 'length'],
  ['jsn', 'json'],
  ['fbs', 'fps'],
  ['adio', 'audio'],
])('%s is meant to be %s', (typed, word) => {
  expect(nearestWord(typed, WORDS)).toBe(word)
})

test.each(['x', 'abc', 'color', '', 'oo', 'very-long-and-different'])(
  '%s is meant to be none of them',
  (typed) => {
    expect(nearestWord(typed, WORDS)).toBeUndefined()
  },
)
