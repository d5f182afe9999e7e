import { writeFile } from 'node:fs/promises'
import { arch, cpus, release, totalmem } from 'node:os'
import type { Config } from '../config/config.ts'
import type { BuildInfo } from '../config/identity.ts'
import type { CheckResult } from './check-result.ts'

const SECRET = /KEY|SECRET|TOKEN|PASSWORD/

/**
 * What whoever looks into a bug needs of a machine, as one JSON file that can be read before it is sent: the program, the
 * machine, the settings and what the doctor found. Of secrets it says that they are set; where one stands in
 * another text, it is taken out.
 *
 * @param config undefined where the environment is not valid; the findings say why
 */
export function formatBugReport(
  about: BuildInfo,
  config: Config | undefined,
  checks: readonly CheckResult[],
): string {
  const settings = Object.entries(config ?? {}).filter(([, value]) => value !== undefined)
  const report = {
    at: new Date().toISOString(),
    program: { ...about, node: process.version },
    machine: {
      ...{ platform: process.platform, arch: arch(), kernel: release() },
      ...{
        cpus: cpus().length,
        cpu: cpus()[0]?.model,
        memory_mb: Math.round(totalmem() / 2 ** 20),
      },
    },
    settings: Object.fromEntries(settings.map(([name, value]) => [name, publicValue(name, value)])),
    checks,
  }
  const secrets = settings.filter(([name]) => SECRET.test(name)).map(([, value]) => String(value))
  return `${withoutSecrets(JSON.stringify(report, null, 2), secrets)}\n`
}

/** @throws where the file exists or cannot be written */
export async function writeBugReport(file: string, text: string): Promise<void> {
  await writeFile(file, text, { flag: 'wx', mode: 0o600 })
}

function publicValue(name: string, value: unknown): unknown {
  if (SECRET.test(name)) return '(set)'
  if (Array.isArray(value)) return value.map((one) => publicValue(name, one))
  if (typeof value !== 'string' || !URL.canParse(value)) return value
  const url = new URL(value)
  if (url.username || url.password) [url.username, url.password] = ['removed', '']
  if (url.search) url.search = '?removed'
  return url.href
}

/** Each secret as it stands, and each part of one that holds several. */
function withoutSecrets(text: string, secrets: readonly string[]): string {
  const parts = secrets.flatMap((secret) => [secret, ...secret.split(/\s+/)])
  const written = parts
    .filter((part) => part.length > 3)
    .map((part) => JSON.stringify(part).slice(1, -1))
  return written
    .toSorted((a, b) => b.length - a.length)
    .reduce((rest, part) => rest.replaceAll(part, '(removed)'), text)
}
