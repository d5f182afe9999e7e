import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readOfficialFiles } from '../../../runtime/bundle-pull/official-files.ts'
import { startFakeHub, type FakeHub, type HubContent } from './fake-hub.ts'

const templates = fileURLToPath(new URL('../../../models/musetalk-v1.5', import.meta.url))

/**
 * A hub that has checkpoints of a folder in the official layout where the official files would be.
 * @param host to listen on; one that a container can reach
 */
export async function startOfficialHub(checkpoints: string, host?: string): Promise<FakeHub> {
  const files: Record<string, HubContent> = {}
  for (const { files: any } of (await readOfficialFiles(templates)).slots) {
    for (const { path, sources } of any) {
      const [source] = sources
      const file = join(checkpoints, path)
      if (!source || !('repository' in source) || !existsSync(file)) continue
      files[`${source.repository}/${source.revision}/${source.path}`] = file
    }
  }
  return startFakeHub(files, host)
}
