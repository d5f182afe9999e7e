// The worker below musetalk-worker.mjs, on the Node that comes with the package. Whoever kills a wrapper
// means the worker: one that went on alone would keep its port, its name and the jobs that it claims.
import { Socket } from 'node:net'
import { pathToFileURL } from 'node:url'

const WRAPPER = 3 // descriptor of a pipe that ends with the wrapper
const wrapper = new Socket({ fd: WRAPPER })
wrapper.on('error', () => {})
wrapper.on('close', () => process.kill(process.pid, 'SIGKILL'))
wrapper.resume()
wrapper.unref()

const [main] = process.argv.splice(2, 1)
await import(pathToFileURL(main).href)
