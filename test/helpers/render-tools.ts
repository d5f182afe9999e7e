import { BufferPool } from '../../handler/render/buffer-pool.ts'
import { openPixels } from '../../models/pixels/threads/pixels.ts'

/** What a render works on frames with: on this thread. */
export const renderTools = () => ({ pixels: openPixels(0), buffers: new BufferPool() })
