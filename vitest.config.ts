import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores are the machine to design for, and integration tests start ffmpeg beside them.
    maxWorkers: 2,
  },
})
