import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { RenderContext } from '../render-context.ts'
import { choiceInFrames } from '../face/face-choice.ts'
import type { Voice } from '../voice.ts'
import type { Avatar } from './avatar.ts'
import type { ScanOptions } from './avatar-cache.ts'
import type { Part } from './part-avatar.ts'
import { prepareAvatar } from './prepare-avatar.ts'
import type { Scan } from './scan-result.ts'

/** A face and which of the job's voices it speaks. */
export interface SpeakingFace {
  avatar: Avatar
  speakers: number[]
}

/**
 * One avatar for each face that the voices name. Of several, all are looked at before the first frame is
 * drawn, then drawn into the frames of the first.
 *
 * @param total frames of the output, where they do not depend on the source's
 * @param part what of the result is drawn, where not all is
 * @throws as `prepareAvatar` does
 */
export async function prepareAvatars(
  scan: Omit<Scan, 'options'> & { options: Omit<ScanOptions, 'face'> },
  voices: readonly Voice[],
  total: number | undefined,
  ctx: RenderContext,
  part?: Part,
): Promise<AsyncDisposable & { faces: [SpeakingFace, ...SpeakingFace[]] }> {
  const named = Map.groupBy(voices.keys(), (i) => JSON.stringify(voices[i]!.face))
  await using opened = new AsyncDisposableStack()
  const faces: SpeakingFace[] = []
  for (const speakers of named.values()) {
    const face = choiceInFrames(voices[speakers[0]!]!.face, scan.source.facts)
    const dir = join(ctx.dir, `face-${faces.length}`)
    await mkdir(dir, { recursive: true })
    const own = { ...scan, options: { ...scan.options, face } }
    const avatar = await prepareAvatar(own, total, named.size > 1, { ...ctx, dir }, part)
    opened.use(avatar)
    faces.push({ avatar, speakers })
  }
  const open = opened.move()
  return {
    faces: faces as [SpeakingFace, ...SpeakingFace[]],
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}
