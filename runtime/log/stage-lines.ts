import { createLog, type Log } from '../../handler/log.ts'

/** Told how long a stage took that has ended now, well or badly; stages of one job overlap. */
export type OnStage = (stage: string, seconds: number) => void

/** The same log, whose lines about the stages of jobs are read on the way. */
export const readStageLines = (log: Log, onStage: OnStage): Log =>
  createLog((level, event, fields) => {
    if (event === 'stage') onStage(String(fields['stage']), Number(fields['seconds']))
    log[level](event, fields)
  })
