import { expect, test } from 'vitest'
import { parseTimes } from '../../../handler/render/media/probing/measure-pictures.ts'

const report = (timebase: string, times: (number | 'NOPTS')[]) =>
  [
    '#software: Lavf59.27.100',
    `#tb 0: ${timebase}`,
    ...times.map((pts, i) => `0,  ${i},  ${pts},  512,  4301, 0xb415654b, F=0x0`),
  ].join('\n')

test('pictures in any order, by their own clock', () => {
  const found = parseTimes(report('1/12800', [0, 2048, 1024, 512, 1536]))
  expect(found).toEqual({ count: 5, rate: { num: 25_000, den: 1000 } })
})
test('times of a browser jitter around their rate', () => {
  const found = parseTimes(report('1/1000', [0, 33, 70, 98, 131, 170, 200]))
  expect(found.rate).toEqual({ num: 30_000, den: 1000 })
})
test('a pause is no rate', () => {
  const found = parseTimes(report('1/1000', [0, 40, 80, 9080, 9120, 9160]))
  expect(found.rate).toEqual({ num: 25_000, den: 1000 })
})
test('a single picture has none, nor have pictures without times', () => {
  expect(parseTimes(report('1/25', [0]))).toEqual({ count: 1 })
  expect(parseTimes(report('1/25', ['NOPTS', 'NOPTS']))).toEqual({ count: 2 })
  expect(parseTimes('')).toEqual({ count: 0 })
})
