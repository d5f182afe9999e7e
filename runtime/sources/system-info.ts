import type { StatsFs } from 'node:fs'
import { readFile, statfs } from 'node:fs/promises'
import os from 'node:os'
import { dirname } from 'node:path'

/** What a heartbeat tells of the machine; the legacy worker's keys. */
export interface SystemInfo extends MachineInfo {
  /** Of this worker's own latest downloads; 0 before the first. */
  download_speed_mbps: number
}

export interface MachineInfo {
  cpu_cores_physical: number
  cpu_cores_logical: number
  cpu_model: string
  ram_total_gb: number
  ram_available_gb: number
  disk_total_gb: number
  disk_free_gb: number
}

/** @param dir a folder of the disk that jobs use */
export async function readMachineInfo(dir: string): Promise<MachineInfo> {
  const disk = await diskOf(dir)
  const cpus = os.cpus()
  const memory = process.constrainedMemory()
  const total = memory > 0 && memory < os.totalmem() ? memory : os.totalmem()
  return {
    cpu_cores_physical: await physicalCores(cpus.length),
    cpu_cores_logical: cpus.length,
    cpu_model: cpus[0]?.model ?? 'unknown',
    ram_total_gb: gb(total),
    ram_available_gb: gb(Math.min(process.availableMemory(), total)),
    disk_total_gb: gb(disk ? disk.blocks * disk.bsize : 0),
    disk_free_gb: gb(disk ? disk.bavail * disk.bsize : 0),
  }
}

export const systemInfoOf = (machine: MachineInfo, downloadMbps: number): SystemInfo => ({
  ...machine,
  download_speed_mbps: Math.round(downloadMbps * 100) / 100,
})

/** The disk that a folder is on, or will be on once it is made. */
async function diskOf(dir: string): Promise<StatsFs | undefined> {
  const disk = await statfs(dir).catch(() => undefined)
  return disk || dirname(dir) === dir ? disk : diskOf(dirname(dir))
}

/** Linux tells; elsewhere, and in some containers, the logical ones stand for them. */
async function physicalCores(logical: number): Promise<number> {
  const text = await readFile('/proc/cpuinfo', 'utf8').catch(() => '')
  const ids = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}\\s*: (\\d+)`, 'gm'))].map(([, id]) => id)
  const [packages, cores] = [ids('physical id'), ids('core id')]
  return new Set(cores.map((core, i) => `${packages[i]}:${core}`)).size || logical
}

const gb = (bytes: number) => Math.round((bytes / 2 ** 30) * 100) / 100
