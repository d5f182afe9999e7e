import { parseWebhookSecrets } from '../../handler/events/webhook-signature.ts'
import type { TextOutput } from '../cli/output.ts'
import { readBuildInfo } from '../config/identity.ts'
import type { Config } from '../config/config.ts'
import { hasUnknownProxy, proxyOf } from '../config/proxies.ts'
import { checkAccess } from './access.ts'
import { checkDisks } from './directories.ts'
import { checkFfmpeg } from './ffmpeg.ts'
import { fail, ok, warn, type Check, type CheckResult } from './check-result.ts'
import { checkMachine } from './cpu-and-memory.ts'
import { checkModels } from './model-bundle.ts'
import { checkMode, checkSource } from './job-source.ts'
import { checkPorts } from './ports.ts'
import { checkStorage } from './storage.ts'
import { formatBugReport, writeBugReport } from './bug-report.ts'

const LIMIT_MS = 60_000
const MODELS_LIMIT_MS = 600_000 // gigabytes are hashed and loaded

/**
 * Look at everything that a worker needs on this machine, and say of each part how it is and what to
 * do: one line each, as soon as it is known. It may run beside a worker; it takes no job.
 *
 * @param read reads the environment; throws what is wrong with it
 * @param report a new file for what a bug report needs
 * @returns the exit status: 1 where something failed
 */
export async function doctor(
  read: () => Config,
  json: boolean,
  output: TextOutput,
  report?: string,
): Promise<number> {
  const findings: CheckResult[] = []
  for await (const finding of examine(read)) {
    findings.push(finding)
    if (!json) output.out(lineOf(finding))
  }
  const failed = findings.filter(({ status }) => status === 'fail').length
  const warned = findings.filter(({ status }) => status === 'warn').length
  if (json) output.out(`${JSON.stringify({ ok: failed === 0, checks: findings })}\n`)
  else {
    output.out(`${failed} failed, ${warned} to look at, of ${findings.length} checks\n`)
    output.out(`${whatToDoFirst(findings)}\n`)
  }
  if (report !== undefined) {
    await writeBugReport(report, await bugReport(read, findings))
    output.err(
      `${report}: what a bug report needs, without secrets; look through it before you send it\n`,
    )
  }
  return failed === 0 ? 0 : 1
}

async function bugReport(read: () => Config, findings: readonly CheckResult[]): Promise<string> {
  let config: Config | undefined
  try {
    config = read()
  } catch {
    // The findings say what is wrong with it.
  }
  return formatBugReport(await readBuildInfo(config?.GIT_REVISION), config, findings)
}

/** Of all that was found, what matters most; checks stand in the order in which they build on one another. */
export function whatToDoFirst(findings: readonly CheckResult[]): string {
  const worst = (['fail', 'warn'] as const)
    .map((wanted) => findings.find(({ status }) => status === wanted))
    .find((finding) => finding !== undefined)
  if (!worst)
    return 'all is well: musetalk-worker start takes jobs, musetalk-worker demo renders one'
  const { status, check, action, message } = worst
  const why = status === 'fail' ? 'do this first' : 'it works; to make it better'
  return `${why} (${check}): ${action ?? message}`
}

async function* examine(read: () => Config): AsyncGenerator<CheckResult> {
  let config: Config
  try {
    config = read()
  } catch (error) {
    const found = (error as Error).message.replace(/\s*\n\s*/g, ' ')
    yield fail('environment', found, 'correct these variables; the rest was not looked at')
    return
  }
  for (const [name, check, limitMs = LIMIT_MS] of checksOf(config)) {
    try {
      yield* await check(AbortSignal.timeout(limitMs))
    } catch (error) {
      yield fail(
        name,
        `could not be looked at: ${(error as Error).message}`,
        'report this as a bug',
      )
    }
  }
}

function checksOf(config: Config): [name: string, check: Check, limitMs?: number][] {
  return [
    ['environment', async () => checkMode(config)],
    ['ffmpeg', (signal) => checkFfmpeg(config, signal)],
    ['machine', () => checkMachine(config)],
    ['disks', () => checkDisks(config)],
    ['proxy', async () => checkProxy(config)],
    ['ports', (signal) => checkPorts(config, signal)],
    ['access', async () => checkAccess(config)],
    ['webhooks', async () => checkWebhooks(config)],
    ['storage', (signal) => checkStorage(config, signal)],
    ['source', (signal) => checkSource(config, signal)],
    ['models', () => checkModels(config), MODELS_LIMIT_MS],
  ]
}

/** Whether others are reached by proxies, which answer for much that seems to be others' fault. */
function checkProxy(config: Config): CheckResult[] {
  const { http, https, bypass } = proxyOf(config) ?? {}
  const found = [
    http && `http by ${new URL(http).host}`,
    https && `https by ${new URL(https).host}`,
  ]
  const used = found.filter(Boolean).join(', ')
  const unknown = 'ALL_PROXY names a proxy that speaks no HTTP, and is not used'
  return [
    ...(hasUnknownProxy(config) ? [warn('proxy', unknown, 'set HTTP_PROXY and HTTPS_PROXY')] : []),
    ...(used ? [ok('proxy', `${used}; directly (NO_PROXY): ${bypass || 'nothing'}`)] : []),
  ]
}

/** A malformed secret is found by the environment's check, which names the variable. */
export function checkWebhooks({ WEBHOOK_SECRET }: Pick<Config, 'WEBHOOK_SECRET'>): CheckResult[] {
  const keys = parseWebhookSecrets(WEBHOOK_SECRET ?? '')?.length ?? 0
  const secrets = keys === 1 ? 'one secret' : `${keys} secrets`
  return [
    keys === 0
      ? ok('webhooks', 'events go out unsigned: WEBHOOK_SECRET is not set')
      : ok('webhooks', `events are signed with ${secrets} of the right form`),
  ]
}

function lineOf({ check, status, message, action }: CheckResult): string {
  const more = action === undefined ? '' : ` → ${action}`
  return `${status.padEnd(5)} ${check.padEnd(12)} ${message}${more}\n`
}
