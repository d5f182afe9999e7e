import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { parseJob } from '../../../handler/job/parse-job.ts'
import { readConfig } from '../../../runtime/config/config.ts'

const path = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url))
const read = (name: string) => readFileSync(path(name), 'utf8')

/** Variables that the worker reads, by the source of its configuration. */
const VARIABLES = [...read('runtime/config/config.ts').matchAll(/^  ([A-Z][A-Z0-9_]+): /gm)].map(
  ([, name]) => name!,
)
const variable = v.pipe(v.string(), v.picklist(VARIABLES))
const scalar = v.union([v.string(), v.number(), v.boolean()])
const text = v.pipe(v.string(), v.nonEmpty())
const count = v.pipe(v.number(), v.integer(), v.minValue(1))

const Fixed = v.strictObject({ key: variable, value: v.string() })
const cuda = v.optional(v.array(text))

const Input = v.strictObject({
  name: text,
  type: v.picklist(['string', 'number', 'boolean', 'huggingface']),
  // The Hub keeps it in a column of 191 characters.
  description: v.pipe(text, v.maxLength(189)),
  default: v.optional(scalar),
  required: v.optional(v.boolean()),
  advanced: v.optional(v.boolean()),
  options: v.optional(v.array(v.strictObject({ label: text, value: v.string() }))),
  min: v.optional(v.number()),
  max: v.optional(v.number()),
  trueValue: v.optional(v.string()),
  falseValue: v.optional(v.string()),
  sensitive: v.optional(v.boolean()),
})
const shared = {
  endpointType: v.optional(v.literal('LB')),
  containerDiskInGb: count,
  allowedCudaVersions: cuda,
  env: v.array(v.union([Fixed, v.strictObject({ key: variable, input: Input })])),
  presets: v.array(v.strictObject({ name: text, defaults: v.record(variable, scalar) })),
}
const Hub = v.strictObject({
  title: text,
  description: v.pipe(text, v.maxLength(189)),
  type: v.picklist(['serverless', 'pod']),
  category: v.picklist(['audio', 'embedding', 'language', 'video', 'image']),
  iconUrl: v.optional(v.pipe(v.string(), v.url())),
  config: v.variant('runsOn', [
    v.strictObject({ ...shared, runsOn: v.literal('CPU'), cpuFlavor: text }),
    v.strictObject({ ...shared, runsOn: v.literal('GPU'), gpuCount: count, gpuIds: text }),
  ]),
})

const Test = v.strictObject({
  name: text,
  input: v.record(v.string(), v.unknown()),
  timeout: v.optional(v.pipe(count, v.minValue(1000))), // milliseconds
})
const fixed = { env: v.array(Fixed), allowedCudaVersions: cuda }
const Tests = v.strictObject({
  tests: v.pipe(v.array(Test), v.minLength(1)),
  config: v.variant('runsOn', [
    v.strictObject({ ...fixed, runsOn: v.literal('CPU'), cpuFlavor: text }),
    v.strictObject({ ...fixed, runsOn: v.literal('GPU'), gpuTypeId: text, gpuCount: count }),
  ]),
})

const hub = JSON.parse(read('.runpod/hub.json')) as v.InferOutput<typeof Hub>
const tests = JSON.parse(read('.runpod/tests.json')) as v.InferOutput<typeof Tests>
const issues = (schema: v.GenericSchema, value: unknown) =>
  (v.safeParse(schema, value).issues ?? []).map((one) => `${v.getDotPath(one)}: ${one.message}`)

test('the list of variables is that of the configuration', () => {
  expect(VARIABLES).toEqual(expect.arrayContaining(Object.keys(readConfig({}))))
})

describe('.runpod/hub.json', () => {
  const inputs = hub.config.env.flatMap((one) => ('input' in one ? [one] : []))

  test('has the keys that the Hub asks for, and variables that the worker reads', () => {
    expect(issues(Hub, hub)).toEqual([])
    const keys = hub.config.env.map(({ key }) => key)
    expect(keys).toEqual([...new Set(keys)])
    for (const { name, defaults } of hub.config.presets) {
      expect(keys, name).toEqual(expect.arrayContaining(Object.keys(defaults)))
    }
  })

  test('offers the defaults that the worker has, and choices that it takes', () => {
    const config = readConfig({}) as unknown as Record<string, unknown>
    for (const { key, input } of inputs) {
      if (input.default !== undefined) expect(input.default, key).toBe(config[key])
      const bounds = [input.min, input.max].filter((bound) => bound !== undefined)
      for (const value of [...(input.options ?? []).map((one) => one.value), ...bounds]) {
        expect(() => readConfig({ [key]: String(value) }), `${key}=${value}`).not.toThrow()
      }
    }
  })

  test('makes a worker that starts, when what is required is filled in and the rest is empty', () => {
    const value = (one: (typeof hub.config.env)[number]) =>
      'input' in one ? String(one.input.default ?? (one.input.required ? 'given' : '')) : one.value
    const filled = Object.fromEntries(hub.config.env.map((one) => [one.key, value(one)]))
    expect(readConfig(filled).STORAGE).toBe('s3')
    for (const { name, defaults } of hub.config.presets) {
      const env = Object.entries(defaults).map(([key, value]) => [key, String(value)])
      expect(() => readConfig({ ...filled, ...Object.fromEntries(env) }), name).not.toThrow()
    }
  })

  test('has an icon that is in the repository, and a form for load balancing', () => {
    const { repository } = JSON.parse(read('package.json')) as { repository: { url: string } }
    const [, name] = /github\.com\/(.+)\.git$/.exec(repository.url)!
    expect(hub.iconUrl).toBe(`https://raw.githubusercontent.com/${name}/main/.runpod/icon.svg`)
    expect(read('.runpod/icon.svg')).toMatch(/^<svg /)
    const port = ['PORT', 'PORT_HEALTH'].map((key) => ({ key, value: '8000' }))
    const config = { ...hub.config, endpointType: 'LB', env: [...hub.config.env, ...port] }
    expect(issues(Hub, { ...hub, config })).toEqual([])
  })

  test('hides secrets while they are typed', () => {
    const open = inputs.filter(
      ({ key, input }) => /SECRET|APP_KEY|API_KEY/.test(key) && !input.sensitive,
    )
    expect(open).toEqual([])
  })
})

test('.runpod/Dockerfile is the Dockerfile with the defaults that the Hub needs', () => {
  const defaults = { BUNDLE: 'musetalk-v1.5', DEVICE: 'cuda', RUN_AS: 'root' }
  const wanted = Object.entries(defaults).reduce(
    (text, [name, value]) =>
      text.replace(new RegExp(`^ARG ${name}=.*$`, 'm'), `ARG ${name}=${value}`),
    read('Dockerfile'),
  )
  const [first, ...rest] = read('.runpod/Dockerfile').split('\n')
  expect(first).toMatch(/^# /)
  expect(rest.join('\n')).toBe(wanted)
})

describe('.runpod/tests.json', () => {
  test('has the keys that the tester reads, and variables that the worker reads', () => {
    expect(issues(Tests, tests)).toEqual([])
    const env = Object.fromEntries(tests.config.env.map(({ key, value }) => [key, value]))
    expect(readConfig(env)).toMatchObject({ ALLOW_FILE_INPUTS: true })
    expect(tests.config.runsOn).toBe(hub.config.runsOn)
  })

  test('sends jobs that are valid, with media that are in the image', () => {
    const [, home] = /^WORKDIR (\/\S+)\nCOPY --from/m.exec(read('Dockerfile'))!
    for (const { name, input } of tests.tests) {
      const job = parseJob(input, undefined, { allowFileInputs: true })
      for (const file of [job.video_url, job.voices[0]!.audio_url]) {
        expect(file.startsWith(`${home}/`), name).toBe(true)
        const [, folder] = /^([^/]+)\//.exec(file.slice(home!.length + 1))!
        expect(existsSync(path(file.slice(home!.length + 1))), file).toBe(true)
        expect(read('.dockerignore')).toContain(`\n!${folder}\n`)
      }
    }
  })
})

describe('runpod.toml', () => {
  const toml = parseToml(read('runpod.toml'))
  // runpodctl asserts these types without a check: a missing key is a crash.
  const Project = v.strictObject({
    name: text,
    project: v.strictObject({
      uuid: v.pipe(v.string(), v.length(8)),
      base_image: text,
      gpu_types: v.array(text),
      gpu_count: count,
      volume_mount_path: text,
      ports: text,
      container_disk_size_gb: count,
    }),
    'project.env_vars': v.record(variable, v.string()),
    endpoint: v.strictObject({
      active_workers: v.pipe(v.number(), v.integer()),
      max_workers: count,
      flashboot: v.boolean(),
      idle_timeout: count,
    }),
    runtime: v.strictObject({
      python_version: v.picklist(['3.8', '3.9', '3.10', '3.11']),
      handler_path: text,
      requirements_path: v.string(),
    }),
  })

  test('has every key that runpodctl reads, with its type', () => {
    expect(issues(Project, toml)).toEqual([])
    const { runtime, project, 'project.env_vars': env } = v.parse(Project, toml)
    expect(existsSync(path(runtime.handler_path))).toBe(true)
    expect(readConfig(env).PORT).toBe(Number(/^(\d+)\/http$/.exec(project.ports)![1]))
    expect(read('Dockerfile')).toContain(`FROM ${project.base_image}\n`)
  })
})

/** As much of TOML as the file uses: values that are JSON as well. */
function parseToml(source: string): Record<string, unknown> {
  const top: Record<string, unknown> = {}
  let table = top
  for (const line of source.split('\n').filter((line) => line !== '' && !line.startsWith('#'))) {
    const [, name] = /^\[([\w.]+)\]$/.exec(line) ?? []
    const [, key, value] = /^(\w+) = (.+)$/.exec(line) ?? []
    if (name) top[name] = table = {}
    else if (key) table[key] = JSON.parse(value!)
    else throw new Error(`not understood: ${line}`)
  }
  return top
}

describe('Dockerfile', () => {
  test('sets variables that the worker or its machine reads', () => {
    const block = read('Dockerfile')
      .match(/^ENV (?:.*\\\n)*.*$/gm)!
      .join('\n')
    const set = [...block.matchAll(/([A-Z_]{2,})=/g)].map(([, name]) => name!)
    const node = ['NODE_ENV', 'NODE_COMPILE_CACHE']
    const machine = [...node, 'NVIDIA_DRIVER_CAPABILITIES', 'ORT_DISABLE_TELEMETRY']
    expect(set.length).toBeGreaterThan(machine.length)
    expect(set.filter((name) => !machine.includes(name) && !VARIABLES.includes(name))).toEqual([])
  })

  test('has what the worker starts and shows, and nothing of tests and exporter', () => {
    const allowed = [...read('.dockerignore').matchAll(/^!(\S+)$/gm)].map(([, name]) => name!)
    const brought = ['checkpoints'] // by whoever makes a bundle of them
    expect(allowed.filter((name) => !existsSync(path(name)) && !brought.includes(name))).toEqual([])
    const last = read('Dockerfile')
      .split(/^FROM /m)
      .at(-1)!
    const copied = [...last.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, names]) =>
      names!.split(' '),
    )
    expect(copied).toEqual(expect.arrayContaining(['handler', 'models/lite', 'runtime', 'bin']))
    expect(copied.filter((name) => /^(models|models\/export.*|test.*|\.)$/.test(name))).toEqual([])
    const [, script] = /^CMD .*"\/app\/(\S+)", "start"\]$/m.exec(last)!
    expect(existsSync(path(script!))).toBe(true)
  })
})
