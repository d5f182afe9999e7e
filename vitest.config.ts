import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    testTimeout: 100_000,
    hookTimeout: 100_000,
    // What is waited for may take long on a busy machine.
    expect: { poll: { timeout: 60_000 } },
    // Two cores are the machine to design for, and integration tests start ffmpeg beside them.
    maxWorkers: 2,
    // Files share their worker's modules, which takes half of the CPU time: no module keeps state.
    isolate: false,
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
