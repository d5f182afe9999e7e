// Makes a bare machine ready: packages, then ffmpeg. Plain JavaScript without dependencies, so that it
// runs before anything is installed; Node 18 is enough, because Node 26 comes with the packages.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
const modules = join(root, 'node_modules')
const stamp = join(modules, '.setup-done')
const major = Number(process.versions.node.split('.')[0])

function say(text) {
  process.stderr.write(`setup: ${text}\n`)
}

function fail(text) {
  say(text)
  process.exit(1)
}

/** Runs a command to its end; true when it succeeded. Its output goes to stderr, stdout stays ours. */
function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    ...options,
  })
  return !error && status === 0
}

function packagesAreFresh() {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8')
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === lock
}

/**
 * npm leaves out optional packages (native bindings) whose `engines` the running Node does not meet,
 * without a word. So an old Node first fetches a new Node and npm to run `npm ci` with.
 */
function installPackages() {
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  if (major >= 20) {
    say('installing packages (npm ci)')
    if (!run('npm', ['ci', ...quiet])) fail('npm ci failed; its reason is above')
  } else {
    const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const name = `node-linux-${process.arch}`
    say(
      `Node ${process.versions.node} is too old to install with; fetching ${optionalDependencies[name]}`,
    )
    const folder = mkdtempSync(join(tmpdir(), 'musetalk-setup-'))
    try {
      const wanted = [`${name}@${optionalDependencies[name]}`, 'npm@11']
      const fetched = run(
        'npm',
        ['install', '--prefix', folder, '--ignore-scripts', ...quiet, ...wanted],
        {
          cwd: folder,
        },
      )
      if (!fetched) fail('could not fetch a newer Node; install Node 20 or newer and try again')
      const node = join(folder, 'node_modules', name, 'bin', 'node')
      makeNodeRun(node)
      const npm = join(folder, 'node_modules', 'npm', 'bin', 'npm-cli.js')
      say('installing packages (npm ci)')
      if (!run(node, [npm, 'ci', ...quiet])) fail('npm ci failed; its reason is above')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  const node = join(modules, '.bin', 'node')
  if (!existsSync(node)) {
    fail(
      `there is no Node 26 package for ${process.platform} ${process.arch}: linux x64 or arm64 is needed`,
    )
  }
  makeNodeRun(node)
  writeFileSync(stamp, readFileSync(join(root, 'package-lock.json')))
}

const starts = (node) => spawnSync(node, ['--version'], { stdio: 'ignore' }).status === 0

/** Node is linked against libatomic, which a minimal system lacks. */
function makeNodeRun(node) {
  if (starts(node)) return
  installSystemPackage('libatomic', { 'apt-get': 'libatomic1', dnf: 'libatomic', apk: 'libatomic' })
  if (!starts(node))
    fail(`${node} does not start; on Debian or Ubuntu: sudo apt-get install libatomic1`)
}

const MANAGERS = {
  'apt-get': {
    refresh: ['update', '-qq'],
    install: ['install', '-y', '-qq', '--no-install-recommends'],
  },
  dnf: { install: ['install', '-y', '-q'] },
  apk: { install: ['add', '--quiet'] },
}

/** With the system's package manager, where there is one and we are root. */
function installSystemPackage(what, names) {
  if (!process.getuid || process.getuid() !== 0) return
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const [manager, { refresh, install }] of Object.entries(MANAGERS)) {
    if (spawnSync(manager, ['--version'], { stdio: 'ignore' }).error) continue
    say(`installing ${what} (${manager})`)
    const quiet = { env, stdio: ['ignore', 'ignore', 2] }
    if (refresh) run(manager, refresh, quiet)
    if (run(manager, [...install, names[manager]], quiet)) return
  }
}

const works = (path) => spawnSync(path, ['-version'], { stdio: 'ignore' }).status === 0

/** FFMPEG_PATH, then ffmpeg-static's binary, then PATH: the order in which the worker looks. */
function ffmpegIsThere() {
  if (process.env.FFMPEG_PATH) return works(process.env.FFMPEG_PATH)
  return staticBinaryIsThere() || works('ffmpeg')
}

function staticBinaryIsThere() {
  try {
    const path = createRequire(join(root, 'package.json'))('ffmpeg-static')
    return typeof path === 'string' && existsSync(path) && statSync(path).size > 0
  } catch {
    return false
  }
}

function installFfmpeg() {
  if (process.env.FFMPEG_PATH)
    fail(`FFMPEG_PATH is "${process.env.FFMPEG_PATH}", which does not run`)
  installSystemPackage('ffmpeg', { 'apt-get': 'ffmpeg', dnf: 'ffmpeg-free', apk: 'ffmpeg' })
  if (works('ffmpeg')) return
  say('trying the ffmpeg-static download')
  const script = join(modules, 'ffmpeg-static', 'install.js')
  if (existsSync(script) && run(join(modules, '.bin', 'node'), [script]) && staticBinaryIsThere())
    return
  fail(
    'there is no ffmpeg: install it (Debian, Ubuntu: sudo apt-get install ffmpeg) or set FFMPEG_PATH',
  )
}

if (major < 18) fail(`Node ${process.versions.node} found, 18 or newer is needed to set up`)
if (!packagesAreFresh()) installPackages()
if (!ffmpegIsThere()) installFfmpeg()
