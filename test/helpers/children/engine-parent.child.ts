import { pretend, pretendEngines } from '../fake-engines.ts'

// A worker in the middle of a render, to be killed: says which processes it has.
const engines = pretendEngines()
const render = pretend(engines, 'ffmpeg')
const [pid] = await Promise.all([render.pid, render.logged('rendering')])
process.stdout.write(`${pid}\n`)
