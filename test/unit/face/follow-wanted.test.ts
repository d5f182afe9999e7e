import { expect, test } from 'vitest'
import { followWanted } from '../../../handler/render/face/person/follow-wanted.ts'
import { NOBODY, type Choice } from '../../../handler/render/face/person/person-choice.ts'
import { sightingOf } from '../../../handler/render/face/person/sighting.ts'
import { at, detection, lookIn, type Someone } from '../../helpers/models/people.ts'

const anna: Someone = { who: 1, at: at(20, 60) }
const ben: Someone = { who: 2, at: at(300, 100) }

/** Where the person is after each frame, who is Anna as she is in frame `pointed`. */
function story(frames: readonly { people: Someone[]; cut?: boolean }[], pointed = 0) {
  const wanted = { frame: pointed, seen: sightingOf(detection(anna), lookIn([anna])) }
  let choice: Choice = NOBODY
  return frames.map(({ people, cut = false }, frame) => {
    const place = choice.seen?.region[0]
    const there = people.find((one) => Math.abs(one.at[0] - (place ?? Infinity)) < 15)
    const evidence = {
      followed: there && !cut ? detection(there) : undefined,
      ...{ track: choice.track, newScene: cut || frame === 0 },
      faces: people.map(detection),
    }
    choice = followWanted(choice, evidence, frame, lookIn(people), wanted)
    return choice.seen?.region[0]
  })
}
const times = <T>(count: number, one: T) => Array<T>(count).fill(one)
const both = { people: [ben, anna] }

test('they are followed, however large others are', () => {
  expect(story(times(200, both))).toEqual(times(200, 20))
})

test('they are known before the frame in which they were pointed at', () => {
  expect(story(times(20, both), 15)).toEqual(times(20, 20))
})

test('nobody stands in for them, however long they stay away', () => {
  const there = story([...times(5, both), ...times(500, { people: [ben] }), ...times(5, both)])
  expect(there).toEqual([...times(5, 20), ...times(500, undefined), ...times(5, 20)])
})

test('not even somebody in the very same place', () => {
  const stranger: Someone = { who: 3, at: at(22, 60) }
  const gap = { people: [ben] }
  const there = story([both, gap, ...times(300, { people: [ben, stranger] })])
  expect(there.slice(1)).toEqual(times(301, undefined))
})

test('they are found again elsewhere behind a cut, and nobody else is', () => {
  const elsewhere: Someone = { ...anna, at: at(120, 90) }
  const there = story([
    both,
    { people: [ben], cut: true },
    { people: [ben] },
    { people: [ben, elsewhere], cut: true },
    { people: [ben, elsewhere] },
  ])
  expect(there).toEqual([20, undefined, undefined, 120, 120])
})
