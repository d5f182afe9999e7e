#!/usr/bin/env node
// Starts the worker on a Node that can run it: the present one from 26 on, else the one that comes with
// the package. From a checkout the sources run as they are; the published package holds JavaScript.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import nodeModule, { createRequire } from 'node:module'
import { constants, homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const main = [join(root, 'runtime', 'main.ts'), join(root, 'dist', 'runtime', 'main.js')].find(
  existsSync,
)

function bundledNode() {
  try {
    const name = `node-${process.platform}-${process.arch}/package.json`
    return join(dirname(createRequire(import.meta.url).resolve(name)), 'bin', 'node')
  } catch {
    return undefined
  }
}

/** Where that lies which V8 made of the program, for the next start. */
function codeCache() {
  try {
    const { CACHE_DIR } = process.env
    if (CACHE_DIR) return join(CACHE_DIR, 'code')
    const home = homedir()
    return home && join(home, '.cache', 'musetalk-worker', 'code')
  } catch {
    return undefined // a user who has no home
  }
}

// Threads, engines and the bundled Node take it from the variable, this thread does not any more.
const cache = (process.env.NODE_COMPILE_CACHE ??= codeCache() ?? '')

if (Number(process.versions.node.split('.')[0]) >= 26) {
  if (cache) nodeModule.enableCompileCache(cache)
  await import(pathToFileURL(main).href)
} else {
  const node = bundledNode()
  if (!node) {
    process.stderr.write(
      `musetalk-worker: Node ${process.versions.node} found, 26 or newer is needed\n`,
    )
    process.exit(1)
  }
  // The pipe says that this process lives: what it started must not outlive it.
  const entry = join(root, 'bin', 'wrapped.process.mjs')
  const child = spawn(node, [entry, main, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
  })
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP']
  const handOn = (signal) => child.kill(signal) // where it has come to the whole group, it is an echo
  for (const signal of signals) process.on(signal, handOn)
  child.stdio[3].on('error', () => {})
  child.on('exit', (code, signal) => {
    for (const name of signals) process.off(name, handOn)
    if (signal) process.kill(process.pid, signal) // an honest exit status
    // Process 1 of a container is immune to its own signals; shells write them so.
    process.exitCode = signal ? 128 + constants.signals[signal] : code
  })
}
