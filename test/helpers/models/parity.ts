import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Box } from '../../../models/pixels/image.ts'
import { openBundle, type Bundle } from '../../../models/inference/bundle.ts'
import type { Tensor } from '../../../models/inference/tensor.ts'
import type { Array32 } from '../media/npy.ts'
import { hasShared, shared } from '../fixture-paths.ts'

/**
 * Folder of a bundle that was exported from the tiny golden checkpoints (PARITY_BUNDLE); see
 * docs/fidelity.md for how one is made.
 */
export const parityBundle = process.env['PARITY_BUNDLE'] ?? ''

/** What .ci/parity has besides: the exporter's Python, and the narrow checkpoints that the bundle was made of. */
export const exporterPython = process.env['PARITY_PYTHON'] ?? ''
export const parityCheckpoints = process.env['PARITY_CHECKPOINTS'] ?? ''

const isBundle = (directory: string): boolean => existsSync(join(directory, 'manifest.json'))

/** Whether a bundle can be compared with the exporter's; the reference is not asked. */
export const canExport = isBundle(parityBundle) && exporterPython !== '' && parityCheckpoints !== ''
export const EXPORT_NEEDS = '(needs PARITY_BUNDLE, PARITY_PYTHON and PARITY_CHECKPOINTS)'

/** Whether a bundle and the reference's media and numbers are there. */
export const canCompare = hasShared && isBundle(parityBundle)
export const NEEDS = '(needs PARITY_BUNDLE and SHARED_DIR)'

export const openParity = (): Promise<Bundle> =>
  openBundle(parityBundle, { device: 'cpu', threads: 1, lanes: 1 })

export const json = (path: string): any => JSON.parse(readFileSync(shared(path), 'utf8'))

/** The golden clip's boxes, as a job gives them. */
export const clipBoxes = (): (Box | null)[] => json('golden/clip/boxes.json').boxes

/** Outputs of the golden clip that are kept as pictures, and the source frame of each. */
export const KEPT = [0, 5, 16, 20, 39, 40, 60, 74] as const

export const four = (i: number): string => String(i).padStart(4, '0')

export const f32 = ({ shape, data }: Array32): Tensor => ({ type: 'float32', dims: shape, data })
export const u8 = (dims: number[], data: Uint8Array): Tensor => ({ type: 'uint8', dims, data })

/** Whether the bundle looks for faces as the reference does: it needs a pose checkpoint. */
export const hasDetector =
  canCompare &&
  'face_reference' in
    (JSON.parse(readFileSync(join(parityBundle, 'manifest.json'), 'utf8')) as { graphs: object })
      .graphs
