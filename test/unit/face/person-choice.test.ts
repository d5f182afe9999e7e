import { describe, expect, test } from 'vitest'
import type { Region } from '../../../handler/render/face/face-box.ts'
import { choose, NOBODY, type Choice } from '../../../handler/render/face/person/person-choice.ts'
import { at, detection, lookIn, type Someone } from '../../helpers/models/people.ts'

const TIMES = { confirm: 6, settled: 4, longGone: 100 }

const anna: Someone = { who: 1, at: at(20, 100), stirs: 5 }
const ben: Someone = { who: 2, at: at(300, 80), stirs: 5 }

interface Step {
  people: Someone[]
  /** Who of them the tracker still follows by their place. */
  follows?: boolean
  isNew?: (region: Region) => boolean
  newScene?: boolean
  /** No look at all faces is due, unless somebody is to be looked at again. */
  notDue?: boolean
}

/** Frames one after the other; all faces are looked at in each of them that does not say else. */
function story(steps: readonly Step[]) {
  let choice: Choice = NOBODY
  const told: { x: number | undefined; track: number }[] = []
  for (const [frame, { people, follows = true, isNew, newScene, notDue }] of steps.entries()) {
    const look = lookIn(people, frame)
    const target = choice.next ?? choice.person
    const there = target && people.find((one) => Math.abs(one.at[0] - target.last.region[0]) < 15)
    const seen = choice.seen ?? choice.next
    const isAgain = choice.rival && frame - choice.rival.since >= TIMES.confirm
    const faces = people
      .map(detection)
      .toSorted((a, b) => b.detected[2] - b.detected[0] - (a.detected[2] - a.detected[0]))
    const evidence = {
      followed: follows && seen && there ? detection(there) : undefined,
      track: choice.track + (choice.next ? 1 : 0),
      faces: notDue && !isAgain ? undefined : faces,
      newScene: newScene ?? frame === 0,
      isNew,
    }
    choice = choose(choice, evidence, frame, look, TIMES)
    told.push({ x: choice.seen?.region[0], track: choice.track })
  }
  return told
}
const times = (count: number, step: Step): Step[] => Array<Step>(count).fill(step)
const both = { people: [anna, ben] }

describe('who speaks', () => {
  test('is the largest, and stays so', () => {
    expect(story(times(20, both)).every(({ x }) => x === 20)).toBe(true)
  })

  test('waits while hidden, and speaks again; a neighbor does not', () => {
    const told = story([...times(5, both), ...times(30, { people: [ben] }), ...times(5, both)])
    expect(told.slice(5, 35).every(({ x }) => x === undefined)).toBe(true)
    expect(told.slice(35).map(({ x }) => x)).toEqual(Array(5).fill(20))
    expect(told.at(-1)!.track).toBe(told[0]!.track)
  })

  test('is nobody while they are away, however long, and they when they are back', () => {
    const away = times(300, { people: [ben] })
    const told = story([...times(5, both), ...away, ...times(5, both)])
    expect(told.slice(5, 305).every(({ x }) => x === undefined)).toBe(true)
    expect(told.slice(305).map(({ x }) => x)).toEqual(Array(5).fill(20))
  })

  test.each([
    ['in the very place', 20],
    ['elsewhere', 150],
  ])('is no stranger who comes when they have left, and stands %s', (_, x) => {
    const stranger: Someone = { who: 3, at: at(x, 100), stirs: 5 }
    const gone = times(2, { people: [] })
    const told = story([
      ...times(5, { people: [anna] }),
      ...gone,
      ...times(300, { people: [stranger] }),
    ])
    expect(told.slice(5).every((each) => each.x === undefined)).toBe(true)
  })

  test('are they again in another place, where nobody else looks like them', () => {
    const moved: Someone = { ...anna, at: at(150, 70) }
    const told = story([
      ...times(5, both),
      { people: [ben] },
      ...times(5, { people: [moved, ben] }),
    ])
    expect(told.slice(6).map(({ x }) => x)).toEqual(Array(5).fill(150))
  })

  test('is whoever comes after somebody who was there for a moment', () => {
    const told = story([...times(3, { people: [anna] }), ...times(10, { people: [ben] })])
    expect(told.slice(3, 7).every(({ x }) => x === undefined)).toBe(true)
    expect(told.slice(7).every(({ x }) => x === 300)).toBe(true)
  })

  test('is a photo no longer when somebody has stood before it for long', () => {
    const photo: Someone = { ...anna, stirs: 0 }
    const speaker: Someone = { who: 3, at: at(40, 90), stirs: 5 }
    const told = story([...times(5, { people: [photo] }), ...times(120, { people: [speaker] })])
    expect(told[104]!.x).toBeUndefined()
    expect(told.at(-1)!.x).toBe(40)
  })

  test('is somebody much larger who comes and stays', () => {
    const giant: Someone = { who: 4, at: at(120, 170), stirs: 5 }
    const told = story([...times(5, both), ...times(20, { people: [anna, ben, giant] })])
    expect(told[10]!.x).toBe(20)
    expect(told.at(-1)!.x).toBe(120)
  })

  test('is again who spoke before somebody larger passed by', () => {
    const giant: Someone = { who: 4, at: at(120, 170), stirs: 5 }
    const passing = times(10, { people: [anna, ben, giant] })
    const told = story([...times(5, both), ...passing, ...times(5, both)])
    expect(told[14]!.x).toBe(120)
    expect(told.slice(15).map(({ x }) => x)).toEqual(Array(5).fill(20))
  })

  test('is a living face rather than a photo that is a little larger', () => {
    const photo: Someone = { ...anna, stirs: 0 }
    const told = story(times(30, { people: [photo, ben] }))
    expect(told[0]!.x).toBe(20)
    expect(told.at(-1)!.x).toBe(300)
  })

  test('is soon who steps before a photo, and about as large', () => {
    const photo: Someone = { ...anna, stirs: 0 }
    const notDue = { people: [photo, ben], notDue: true }
    const photos = times(20, { people: [photo] })
    const told = story([...photos, { people: [photo, ben] }, ...times(9, notDue)])
    expect(told.at(-1)!.x).toBe(300)
  })

  test('is a photo where nothing else moves either', () => {
    const still = [anna, ben].map((one) => ({ ...one, stirs: 0 }))
    expect(story(times(30, { people: still })).every(({ x }) => x === 20)).toBe(true)
  })
})

describe('a cut', () => {
  const moved: Someone = { ...anna, at: at(60, 100) }

  test('begins another piece, with the same person', () => {
    const cut = { people: [moved, ben], newScene: true }
    const told = story([...times(5, both), cut, ...times(5, { people: [moved, ben] })])
    expect(told.map(({ x }) => x)).toEqual([...Array(5).fill(20), ...Array(6).fill(60)])
    expect(told.map(({ track }) => track)).toEqual([...Array(5).fill(1), ...Array(6).fill(2)])
  })

  test('prefers who spoke to somebody a little larger', () => {
    const larger: Someone = { who: 5, at: at(300, 120) }
    const told = story([...times(5, both), { people: [larger, moved], newScene: true }])
    expect(told[5]!.x).toBe(60)
  })

  test.each([
    ['nobody, who stands in their place', 20, undefined],
    ['whoever is there now, in another framing', 130, 130],
  ])('in their part of the picture alone finds %s', (_, x, found) => {
    const other: Someone = { who: 6, at: at(x, 90) }
    const isNew = ([x1]: Region) => x1 < 200
    const told = story([...times(5, both), { people: [other, ben], follows: false, isNew }])
    expect(told[5]).toEqual({ x: found, track: 2 })
  })

  test('that only covers them hands nothing to the neighbor', () => {
    const isNew = ([x1]: Region) => x1 < 200
    const told = story([...times(5, both), { people: [ben], follows: false, isNew }])
    expect(told[5]!.x).toBeUndefined()
  })
})
