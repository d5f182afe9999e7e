import {
  OPAQUE,
  PickleMachine,
  type Builder,
  type PickleNames,
  type Refuse,
} from './pickle-machine.ts'

const STOP = 0x2e
const MAX_PROTOCOL = 5

/** What each opcode of protocols 2 to 5 does that torch writes, and nothing beyond. */
const OPCODES: Record<string, (m: PickleMachine) => void> = {
  // Stack and memo.
  '(': (m) => m.mark(),
  '0': (m) => m.pop(),
  '1': (m) => m.popToMark(),
  '2': (m) => m.push(m.top()),
  q: (m) => m.remember(m.u8()),
  r: (m) => m.remember(m.u32()),
  '\x94': (m) => m.rememberNext(),
  h: (m) => m.recall(m.u8()),
  j: (m) => m.recall(m.u32()),
  '\x80': (m) => {
    const protocol = m.u8()
    if (protocol > MAX_PROTOCOL) m.refuse(`pickle protocol ${protocol}`, `at most ${MAX_PROTOCOL}`)
  },
  '\x95': (m) => m.skip(8),

  // Plain values.
  N: (m) => m.push(null),
  '\x88': (m) => m.push(true),
  '\x89': (m) => m.push(false),
  K: (m) => m.push(m.u8()),
  M: (m) => m.push(m.u16()),
  J: (m) => m.push(m.i32()),
  '\x8a': (m) => m.push(m.integer(m.u8())),
  '\x8b': (m) => m.push(m.integer(m.u32())),
  G: (m) => m.push(m.f64()),
  // Strings of Python 2 are bytes; what matters here are ASCII names.
  U: (m) => m.push(m.text(m.u8())),
  T: (m) => m.push(m.text(m.u32())),
  '\x8c': (m) => m.push(m.text(m.u8())),
  X: (m) => m.push(m.text(m.u32())),
  '\x8d': (m) => m.push(m.text(m.u64())),
  C: (m) => pushSkipped(m, m.u8()),
  B: (m) => pushSkipped(m, m.u32()),
  '\x8e': (m) => pushSkipped(m, m.u64()),
  '\x96': (m) => pushSkipped(m, m.u64()),

  // Containers.
  ')': (m) => m.push([]),
  '\x85': (m) => m.push(popMany(m, 1)),
  '\x86': (m) => m.push(popMany(m, 2)),
  '\x87': (m) => m.push(popMany(m, 3)),
  t: (m) => m.push(m.popToMark()),
  ']': (m) => m.push([]),
  l: (m) => m.push(m.popToMark()),
  a: (m) => append(m, [m.pop()]),
  e: (m) => append(m, m.popToMark()),
  '}': (m) => m.push(new Map()),
  d: (m) => {
    const items = m.popToMark()
    m.push(new Map())
    setItems(m, items)
  },
  s: (m) => setItems(m, popMany(m, 2)),
  u: (m) => setItems(m, m.popToMark()),
  '\x8f': (m) => m.push(OPAQUE),
  '\x90': (m) => void m.popToMark(),
  '\x91': (m) => {
    m.popToMark()
    m.push(OPAQUE)
  },

  // Objects.
  c: (m) => pushGlobal(m, m.line(), m.line()),
  '\x93': (m) => {
    const [name, module] = [m.pop(), m.pop()]
    pushGlobal(m, module, name)
  },
  Q: (m) => m.push(m.names.load(m.pop())),
  R: (m) => call(m, m.pop()),
  '\x81': (m) => call(m, m.pop()),
  '\x92': (m) => {
    m.pop() // named arguments: no builder takes any
    call(m, m.pop())
  },
  // State of an object: a dict's own attributes, such as torch's version notes of a state dict.
  b: (m) => void m.pop(),
}

/** By the number of the opcode. */
const STEPS = Array.from({ length: 256 }, (_, code) => OPCODES[String.fromCharCode(code)])

/**
 * Read one pickle without running any of it.
 *
 * Globals become what `names` says, or OPAQUE; calling, filling or changing what is OPAQUE does nothing.
 * @returns its value, and where the bytes after it begin
 * @throws what `refuse` throws; PickleTruncated where `bytes` end before the pickle does
 * @see Python's Lib/pickle.py and Lib/pickletools.py
 */
export function unpickle(
  bytes: Buffer,
  at: number,
  names: PickleNames,
  refuse: Refuse,
): { value: unknown; end: number } {
  const machine = new PickleMachine(bytes, at, names, refuse)
  for (let code = machine.step(); code !== STOP; code = machine.step()) {
    const step = STEPS[code]
    if (!step) {
      const opcode = `0x${code.toString(16).padStart(2, '0')}`
      refuse(`opcode ${opcode} at byte ${machine.at - 1} of a pickle`, 'what torch.save writes')
    }
    step(machine)
  }
  return { value: machine.pop(), end: machine.at }
}

/** The values on top of the stack, the topmost last. */
function popMany(m: PickleMachine, count: number): unknown[] {
  const values = Array<unknown>(count)
  for (let i = count - 1; i >= 0; i--) values[i] = m.pop()
  return values
}

function pushSkipped(m: PickleMachine, length: number): void {
  m.skip(length)
  m.push(OPAQUE)
}

function pushGlobal(m: PickleMachine, module: unknown, name: unknown): void {
  const known =
    typeof module === 'string' && typeof name === 'string' ? m.names.find(module, name) : undefined
  m.push(known ?? OPAQUE)
}

function call(m: PickleMachine, args: unknown): void {
  const callee = m.pop()
  const known = typeof callee === 'function' && Array.isArray(args)
  m.push(known ? (callee as Builder)(args) : OPAQUE)
}

function append(m: PickleMachine, items: unknown[]): void {
  const list = m.top()
  if (Array.isArray(list)) for (const item of items) list.push(item)
}

function setItems(m: PickleMachine, items: unknown[]): void {
  const dict = m.top()
  if (!(dict instanceof Map)) return
  for (let i = 0; i + 1 < items.length; i += 2) dict.set(items[i], items[i + 1])
}
