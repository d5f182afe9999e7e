import type { Models } from '../../../models/inference/models.ts'
import type { Tensor, Tensors } from '../../../models/inference/tensor.ts'
import type { Box } from '../../../models/pixels/image.ts'
import type { RenderContext } from '../render-context.ts'
import type { VideoInfo } from '../media/media-info.ts'
import type { RenderOptions } from '../render-options.ts'
import { centerAndSide, squareAround, type FaceDetection, type Region } from './face-box.ts'
import { isDrawable } from './face-plausibility.ts'
import { windowsOf } from './frame-window.ts'

/** A face as the detector sees it. */
export interface Candidate extends FaceDetection {
  score: number
}

/** Finds faces in parts of frames. */
export interface FaceFinder {
  /** Whatever the bundle's graph takes for a face, the best first. */
  detect(frame: Uint8Array, box: Box): Promise<Candidate[]>
  /** Those that it is sure of and that can be drawn, the largest first. */
  find(frame: Uint8Array, box: Box): Promise<Candidate[]>
  /** The same in overlapping parts, where there are faces that are small in the whole. */
  findSmall(frame: Uint8Array, area: Box): Promise<Candidate[]>
  /** Whether a face still looks like one after a half turn, and more so: then it stands on its head. */
  isUpsideDown(frame: Uint8Array, face: Candidate): Promise<boolean>
}

const TURN_WINDOW = 2.25 // of a face's size
const TURN_MARGIN = 0.05 // of the score: a doubtful face stays as it is

export function faceFinder(
  ctx: Pick<RenderContext, 'models' | 'pixels' | 'buffers'>,
  facts: VideoInfo,
  compat: RenderOptions['compat'],
): FaceFinder {
  const { models } = ctx
  const { threshold } = models.manifest.face
  const useWindow = windowsOf(facts, ctx)
  const graph = graphFor(models, compat)
  const look = (image: Tensor, [dx, dy]: readonly [number, number, ...unknown[]]) =>
    models.run(graph, { image }).then((found) => candidates(found, dx, dy))

  const detect = (frame: Uint8Array, box: Box) => useWindow(frame, box, (image) => look(image, box))
  const find = async (frame: Uint8Array, box: Box) => {
    const sure = (await detect(frame, box)).filter(({ score }) => score >= threshold)
    return bySize(sure.filter(({ landmarks }) => isDrawable(landmarks)))
  }

  return {
    detect,
    find,
    async findSmall(frame, area) {
      for (const tiles of tilings(area)) {
        const seen = (await Promise.all(tiles.map((tile) => find(frame, tile)))).flat()
        if (seen.length > 0) return withoutDoubles(bySize(seen))
      }
      return []
    },
    async isUpsideDown(frame, face) {
      const window = squareAround(face.detected, TURN_WINDOW, facts)
      if (!window) return false
      const turned = await useWindow(frame, window, (image) => {
        halfTurn(image.data as Uint8Array)
        return look(image, [0, 0])
      })
      return turned.some(
        ({ score, landmarks }) => score > face.score + TURN_MARGIN && isDrawable(landmarks),
      )
    },
  }
}

/** Which face graph a job uses; a bundle may have one for the rules of the reference. */
export const graphFor = ({ manifest }: Models, compat: RenderOptions['compat']) =>
  compat === 'reference' && manifest.graphs.face_reference ? 'face_reference' : 'face'

function candidates({ boxes, scores, landmarks }: Tensors, dx: number, dy: number): Candidate[] {
  const moved = (values: ArrayLike<number>) =>
    Float32Array.from(values, (value, i) => value + (i % 2 === 0 ? dx : dy))
  const at = <T extends { subarray(a: number, b: number): T }>(data: T, i: number, size: number) =>
    data.subarray(i * size, (i + 1) * size)
  return Array.from(scores!.data as Float32Array, (score, i) => ({
    score,
    detected: [...moved(at(boxes!.data as Float32Array, i, 4))] as unknown as Region,
    landmarks: moved(at(landmarks!.data as Float32Array, i, 136)),
  }))
}

/** Pixels in reverse order, in place. */
function halfTurn(rgb: Uint8Array): void {
  rgb.reverse() // the colors of each pixel as well
  for (let i = 0; i < rgb.length; i += 3) {
    const first = rgb[i]!
    rgb[i] = rgb[i + 2]!
    rgb[i + 2] = first
  }
}

/** The largest first. */
export const bySize = (faces: readonly Candidate[]): Candidate[] =>
  faces.toSorted((a, b) => sizeOf(b) - sizeOf(a))

const sizeOf = ({ detected }: FaceDetection): number => centerAndSide(detected).side

/** A face on the seam of two parts is seen in both. */
const withoutDoubles = (faces: Candidate[]): Candidate[] =>
  faces.filter((face, i) => !faces.slice(0, i).some((other) => overlap(face, other)))

function overlap({ detected: a }: FaceDetection, { detected: b }: FaceDetection): boolean {
  const [from, to] = [centerAndSide(a), centerAndSide(b)]
  return Math.hypot(from.x - to.x, from.y - to.y) < Math.max(from.side, to.side) / 2
}

/** Enough for a panorama of seven to one; a ribbon of a picture has thousands, and no face. */
const MAX_TILES = 64

/** Overlapping squares with the side of the area's shorter one, then with half of it. */
export function* tilings([x1, y1, x2, y2]: Box): Generator<Box[]> {
  const short = Math.min(x2 - x1, y2 - y1)
  for (const side of [short, Math.ceil(short / 2)]) {
    const xs = tileStarts(x1, x2, side)
    const ys = tileStarts(y1, y2, side)
    const tiles = xs.length * ys.length
    if (tiles > 1 && tiles <= MAX_TILES) {
      yield ys.flatMap((y) => xs.map((x): Box => [x, y, x + side, y + side]))
    }
  }
}

/** Starts of spans of `side` that cover from..to and overlap by a third or more. */
function tileStarts(from: number, to: number, side: number): number[] {
  const room = to - from - side
  const count = room <= 0 ? 1 : 1 + Math.ceil(room / (side * 0.67))
  return Array.from({ length: count }, (_, i) =>
    count === 1 ? from : from + Math.round((room * i) / (count - 1)),
  )
}
