import type { JobResult } from '../../handler/events/job-events.ts'

/** The legacy worker's names for our stages. */
export const LEGACY_STAGE_NAMES: Readonly<Record<string, string>> = {
  download: 'download',
  probe: 'validation',
  speech: 'preprocessing',
  avatar: 'preprocessing',
  render: 'inference',
  generate: 'inference',
  composite: 'postprocessing',
  encode: 'postprocessing',
  upload: 'upload',
}

/** What the legacy worker said of a finished job; see docs/legacy-worker.md. */
export function legacyMetrics(result: JobResult, gpuClass: string) {
  const { stage_times: s, total_time, peak_memory_mb } = result
  const round = (seconds: number) => Math.round(seconds * 1000) / 1000
  return {
    GENERATION_TIME_SEC: s.generate,
    SCRIPT_WALL_TIME_SEC: round(Math.max(0, total_time - s.download - s.upload)),
    PEAK_VRAM_MIB: null,
    PEAK_RAM_KB: peak_memory_mb * 1024,
    gpu_class: gpuClass,
    stage_times: {
      download: s.download,
      validation: s.probe,
      preprocessing: round(s.speech + s.avatar),
      inference: s.generate,
      postprocessing: round(s.composite + s.encode),
      upload: s.upload,
    },
    total_time,
  }
}
