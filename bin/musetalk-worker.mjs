#!/usr/bin/env node
// Starts the worker on a Node that can run it: the present one from 26 on, else the one that comes with
// the package. From a checkout the sources run as they are; the published package holds JavaScript.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
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

if (Number(process.versions.node.split('.')[0]) >= 26) {
  await import(pathToFileURL(main).href)
} else {
  const node = bundledNode()
  if (!node) {
    process.stderr.write(
      `musetalk-worker: Node ${process.versions.node} found, 26 or newer is needed\n`,
    )
    process.exit(1)
  }
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
  // Ctrl-C reaches the whole group; other signals are handed on.
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  process.on('SIGINT', () => {})
  child.on('exit', (code, signal) => {
    if (signal) process.kill(process.pid, signal)
    else process.exitCode = code
  })
}
