import { readFileSync } from 'node:fs'
import { KernelMemory, type GrowingMemory } from './kernel-memory.ts'

/** The part of the WebAssembly API that is used; Node's types do not have it. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object) => { readonly exports: unknown }
}

/** The vector code of kernels/; arguments are addresses in bytes, sizes, and plain numbers. */
type KernelName =
  | 'yuvToRgb'
  | 'lanczosRgb'
  | 'pillowRowRgb'
  | 'pillowRowGray'
  | 'pillowColumns'
  | 'bilinearRowRgb'
  | 'bilinearColumns'
  | 'blurRow'
  | 'blurColumns'
  | 'blendYuv'
  | 'pasteRowRgb'
  | 'lookUp'
  | 'pickClasses'
  | 'growChin'
  | 'erodeCheeks'
  | 'joinJaw'
  | 'unpackBits'
  | 'upscaleRowRgb'
  | 'upscaleColumns'

type Exports = Readonly<Record<KernelName, (...numbers: number[]) => void>> & {
  readonly memory: GrowingMemory
}

/** Vector code and the memory that it works in; for one thread. */
export interface Kernels {
  readonly run: Omit<Exports, 'memory'>
  readonly memory: KernelMemory
}

/** Start kernels.wasm, which `npm run build:kernels` makes of kernels/. */
export function startKernels(): Kernels {
  const bytes = readFileSync(new URL('./kernels.wasm', import.meta.url))
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes))
  const exports = instance.exports as Exports
  return { run: exports, memory: new KernelMemory(exports.memory) }
}
