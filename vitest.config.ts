import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/helpers/longest-first.ts'

export default defineConfig({
  test: {
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // What is waited for may take long on a busy machine.
    expect: { poll: { timeout: 120_000 } },
    // Tests wait half of their time, for programs that they start and for limits that shall be reached.
    maxWorkers: 6,
    // Heaps that hold all modules take long to be looked through: a tenth of the CPU time, until they may be so large.
    execArgv: ['--initial-old-space-size=400'],
    // Files share their worker's modules, which takes half of the CPU time: no module keeps state.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    // Programs that tests start read some 250 files, half a second of processor time without this.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/compile') },
    coverage: {
      include: ['handler/**/*.ts', 'models/**/*.ts', 'runtime/**/*.ts'],
      exclude: ['models/pixels/kernels/**'], // compiled to kernels.wasm
      reporter: ['text', 'json-summary'],
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          exclude: ['test/unit/**'],
        },
      },
    ],
  },
})
