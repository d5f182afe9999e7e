import { frameFormatFor } from '../frames/frame-format.ts'
import type { VideoInfo } from '../media/media-info.ts'
import { fps } from '../media/media-info.ts'
import type { Region } from './face-box.ts'

const CELLS = 32 // a side: the picture as it is compared
const TILES = 4 // a side: parts that are judged by themselves
const TAPS = 4 // a side: samples of one cell
const REACH_S = 0.1 // how far to both sides a change must stand out
const FLOOR = 4 // levels of mean change in a tile; a face that talks and turns stays below 3
const TIMES = 3 // how much more than around it
const WHOLE = 0.85 // share of the tiles from which the whole picture is another one
const TEXTURE = 2.5 // levels of deviation; less in a tile says nothing
const BLANK = 1.5 // levels of deviation in the whole picture
const FLAT = 4 // the same; with less, a change of light cannot be told from noise
const SHIFT = 2 // cells that a camera may move from frame to frame
const DARK = 32 // levels; darker parts that stay may be bars
const STAYS = 1 // levels of change in a plain part of the picture that is still there
const BACKDROP = 0.25 // share of the tiles

/** A picture in a thousand places. */
export interface Thumbnail {
  /** Luma, mean of each cell: [32, 32], 0..255. */
  readonly cells: Float32Array
  readonly mean: number
  readonly deviation: number
}

/** Where a picture has nothing to do with the one before it. */
export interface Cut {
  /** All of it: another shot. */
  whole: boolean
  /** Whether what lies in a region, frame px, is new. */
  covers(region: Region): boolean
}

/** A frame as the tracker wants it. */
export interface ViewedFrame {
  frame: Uint8Array
  view: Thumbnail
  cut: Cut | undefined
  /** Black, white, or of one color: nothing can be seen in it. */
  blank: boolean
}

/**
 * Mark the frames where a shot begins. A cut is a change that stands out among those around it: so
 * pans, shaking cameras, zooms, dissolves, grain and fades are none, nor is a flash, which changes
 * the picture twice; a change of light alone is no change. Parts of the picture are judged by
 * themselves, for behind the person who jumps the room may stay.
 *
 * Frames are held back by a tenth of a second.
 */
export async function* markCuts(
  frames: AsyncIterable<Uint8Array>,
  facts: VideoInfo,
): AsyncGenerator<ViewedFrame> {
  const reach = Math.max(2, Math.round(REACH_S * fps(facts.rate)))
  const viewOf = thumbnails(facts)
  const held: { frame: Uint8Array; view: Thumbnail }[] = []
  const changes: Change[] = [] // of the frames around the first that is held
  let last: Thumbnail | undefined
  let at = 0 // its place in `changes`

  const next = (): ViewedFrame => {
    const { frame, view } = held.shift()!
    const cut = cutAt(changes, at, reach, facts)
    if (at < reach) at++
    else changes.shift()
    return { frame, view, cut, blank: view.deviation < BLANK }
  }
  for await (const frame of frames) {
    const view = viewOf(frame)
    held.push({ frame, view })
    changes.push(last ? changeBetween(last, view) : NO_CHANGE)
    last = view
    if (held.length > reach) yield next()
  }
  while (held.length > 0) yield next()
}

/** Whether two pictures are of one shot and framing, so that places in one mean something in the other. */
export function isSameScene(before: Thumbnail, after: Thumbnail): boolean {
  const change = changeBetween(before, after)
  return hasBackdrop(change) || unlike(change, () => true) < WHOLE
}

/** Whether people came and went before a plain wall that is there still. */
export const isSameBackdrop = (before: Thumbnail, after: Thumbnail): boolean =>
  hasBackdrop(changeBetween(before, after))

/** Bars around a picture are dark, and say nothing. */
const hasBackdrop = ({ backdrop }: Change): boolean => backdrop >= BACKDROP

/** How much a picture has changed where it has most, levels. */
export const changeOf = (before: Thumbnail, after: Thumbnail): number =>
  Math.max(...changeBetween(before, after).tiles)

function thumbnails(facts: VideoInfo): (frame: Uint8Array) => Thumbnail {
  const { width, height } = facts
  const [step, first] = frameFormatFor(facts).rawFormat === 'rgb24' ? [3, 1] : [1, 0]
  const side = CELLS * TAPS
  const columns = Int32Array.from({ length: side }, (_, i) => step * middleOf(i, side, width))
  const rows = Int32Array.from({ length: side }, (_, i) => middleOf(i, side, height))
  return (frame) => {
    const sums = new Float32Array(CELLS * CELLS)
    for (let y = 0; y < side; y++) {
      const row = step * rows[y]! * width + first
      let cell = Math.floor(y / TAPS) * CELLS
      for (let x = 0; x < side; cell++) {
        let sum = 0
        for (const end = x + TAPS; x < end; x++) sum += frame[row + columns[x]!]!
        sums[cell]! += sum
      }
    }
    let mean = 0
    for (let i = 0; i < sums.length; i++) mean += sums[i]! /= TAPS * TAPS
    mean /= sums.length
    let square = 0
    for (const value of sums) square += (value - mean) ** 2
    return { cells: sums, mean, deviation: Math.sqrt(square / sums.length) }
  }
}

const middleOf = (i: number, count: number, size: number): number =>
  Math.floor(((i + 0.5) * size) / count)

/** How much a picture differs from another, in levels. */
interface Change {
  /** Of each tile. */
  tiles: Float32Array
  /** Which tiles say anything. */
  textured: boolean[]
  /** Of the whole, where the camera may have moved. */
  moved: number
  /** Share of the tiles that are plain, bright enough, and as before. */
  backdrop: number
}

const NO_CHANGE: Change = {
  tiles: new Float32Array(TILES * TILES),
  textured: Array<boolean>(TILES * TILES).fill(false),
  moved: 0,
  backdrop: 1,
}

function changeBetween(before: Thumbnail, after: Thumbnail): Change {
  // What differs by light alone is the same: a gain and an offset make one picture of the other.
  const gain = before.deviation < FLAT ? 1 : after.deviation / before.deviation
  const offset = after.mean - gain * before.mean
  const size = CELLS / TILES
  const tiles = new Float32Array(TILES * TILES)
  const textured: boolean[] = []
  let backdrop = 0
  for (let tile = 0; tile < tiles.length; tile++) {
    const [left, top] = [(tile % TILES) * size, Math.floor(tile / TILES) * size]
    let [plain, lit, sum, square] = [0, 0, 0, 0]
    for (let y = top; y < top + size; y++) {
      for (let i = y * CELLS + left; i < y * CELLS + left + size; i++) {
        const [a, b] = [before.cells[i]!, after.cells[i]!]
        plain += Math.abs(b - a)
        lit += Math.abs(b - gain * a - offset)
        sum += a + b
        square += a * a + b * b
      }
    }
    const count = size * size
    tiles[tile] = Math.min(plain, lit) / count
    const mean = sum / (2 * count)
    const says = square / (2 * count) - mean ** 2 > TEXTURE ** 2
    textured.push(says)
    if (!says && mean > DARK && plain / count < STAYS) backdrop += 1 / tiles.length
  }
  const moved = leastWhenMoved(before, after, gain, offset, tiles)
  return { tiles, textured, moved, backdrop }
}

/** The least mean change over what a camera may have moved by; a still one is not asked for. */
function leastWhenMoved(
  before: Thumbnail,
  after: Thumbnail,
  gain: number,
  offset: number,
  tiles: Float32Array,
): number {
  const still = tiles.reduce((sum, change) => sum + change, 0) / tiles.length
  if (still < FLOOR) return still
  let least = Infinity
  for (let dy = -SHIFT; dy <= SHIFT; dy++) {
    for (let dx = -SHIFT; dx <= SHIFT; dx++) {
      let sum = 0
      for (let y = SHIFT; y < CELLS - SHIFT; y++) {
        for (let i = y * CELLS + SHIFT, end = (y + 1) * CELLS - SHIFT; i < end; i++) {
          sum += Math.abs(after.cells[i + dy * CELLS + dx]! - gain * before.cells[i]! - offset)
        }
      }
      least = Math.min(least, sum)
    }
  }
  return least / (CELLS - 2 * SHIFT) ** 2
}

function cutAt(
  changes: readonly Change[],
  at: number,
  reach: number,
  { width, height }: VideoInfo,
): Cut | undefined {
  const here = changes[at]!
  const around = [...changes.slice(Math.max(0, at - reach), at), ...changes.slice(at + 1)]
  const isPeak = (of: (change: Change) => number): boolean =>
    of(here) > FLOOR && around.slice(0, 2 * reach).every((change) => of(here) > TIMES * of(change))
  const cut = Array.from(here.tiles, (_, tile) => isPeak(({ tiles }) => tiles[tile]!))
  const whole =
    !hasBackdrop(here) &&
    (unlike(here, (tile) => cut[tile]!) >= WHOLE ||
      (isPeak(({ moved }) => moved) && unlike(here, () => true) >= WHOLE))
  if (!whole && !cut.includes(true)) return undefined
  return {
    whole,
    covers: (region) => whole || shareWithin(region, cut, width, height) >= 0.25,
  }
}

/** The share of tiles that say anything in which the picture is another one. */
function unlike({ tiles, textured }: Change, counts: (tile: number) => boolean): number {
  const said = textured.filter(Boolean).length
  const other = textured.filter((says, i) => says && tiles[i]! > FLOOR && counts(i)).length
  return said === 0 ? 0 : other / said
}

/** How much of a region lies in the tiles that are marked. */
function shareWithin(region: Region, marked: boolean[], width: number, height: number): number {
  const [across, down] = [width / TILES, height / TILES]
  const overlap = (from: number, to: number, tile: number, size: number) =>
    Math.max(0, Math.min(to, (tile + 1) * size) - Math.max(from, tile * size))
  let [all, inside] = [0, 0]
  for (const [i, is] of marked.entries()) {
    const x = overlap(region[0], region[2], i % TILES, across)
    const area = x * overlap(region[1], region[3], Math.floor(i / TILES), down)
    all += area
    if (is) inside += area
  }
  return all === 0 ? 0 : inside / all
}
