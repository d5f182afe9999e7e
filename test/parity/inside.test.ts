import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { measured, type Row } from '../helpers/media/fidelity-metrics.ts'
import { canCompare, NEEDS, parityBundle } from '../helpers/models/parity.ts'
import { shared } from '../helpers/fixture-paths.ts'

/** A Python that has onnx, onnxruntime and numpy, as the exporter needs them anyway. */
const python = process.env['PARITY_PYTHON'] ?? ''
const SCRIPT = new URL('inside.py', import.meta.url).pathname

describe.skipIf(!canCompare || !python)(`inside the graphs ${NEEDS}, PARITY_PYTHON too`, () => {
  test('each step is near the reference', { timeout: 300_000 }, async () => {
    const args = [SCRIPT, parityBundle, shared('golden')]
    const env = { ...process.env, OMP_NUM_THREADS: '1' }
    const { stdout } = await promisify(execFile)(python, args, { env })
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Row)
    expect(rows.map(({ check }) => check)).toEqual(['3', '3', '6', '13', '13, 14'])
    for (const row of rows) measured(row)
  })
})
