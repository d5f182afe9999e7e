/** How RunPod's SDK grades its lines, the least important first; `NOTSET` is silence. */
export const RUNPOD_LEVELS = ['NOTSET', 'TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'] as const
export type RunpodLevel = (typeof RUNPOD_LEVELS)[number]
