import { readFileSync } from 'node:fs'
import { arch, cpus } from 'node:os'

/** Lines of /proc/cpuinfo that say what its kernels are chosen by. */
const CPUINFO_FIELDS = /^(?:model name|flags|Features|CPU (?:implementer|part|variant))\s*:\s*(.*)$/

/**
 * What this processor is, for things that fit no other: its name and everything that it can do,
 * since virtual machines give one name to processors of different vector widths.
 */
export function cpuFingerprint(): string {
  const [first = ''] = cpuinfo().split('\n\n')
  const facts = first.split('\n').flatMap((line) => CPUINFO_FIELDS.exec(line)?.[1] ?? [])
  return [arch(), cpus()[0]?.model ?? 'unknown', ...facts].join('\n')
}

function cpuinfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    return '' // not Linux: the model's name must do
  }
}
