import { CanceledError, InputError, WorkerError } from './errors.ts'

/** Also the reason of jobs that are handed back. */
export const shuttingDown = () =>
  new CanceledError('SHUTDOWN', 'the worker is shutting down; send the job again')

export const outOfTime = (what: string) => new CanceledError('DEADLINE', what)

export const queueFull = (waiting: number) =>
  new WorkerError('BUSY', `the queue is full: ${waiting} jobs are waiting`)

export const idTaken = (id: string, state: string) =>
  new InputError('JOB_CONFLICT', `job "${id}" is ${state} with another input`)
