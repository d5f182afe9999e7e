import type { Problem } from './errors.ts'

const MAX_DEPTH = 32 // levels; a job of ours has four
const MAX_PROBLEMS = 20

/**
 * What makes a value no harmless JSON: depth, NUL and lone surrogates in texts and names, names that
 * mean something to JavaScript, things that JSON has no form for. Walks without recursion.
 */
export function oddities(value: unknown): Problem[] {
  const problems: Problem[] = []
  const seen = new WeakSet<object>()
  const open: { value: unknown; path: Problem['path'] }[] = [{ value, path: [] }]
  while (open.length > 0 && problems.length < MAX_PROBLEMS) {
    const { value, path } = open.pop()!
    const problem = oddity(value, path.length)
    if (problem) problems.push({ path, message: problem })
    if (problem || typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    const entries = Array.isArray(value) ? value.entries() : Object.entries(value)
    for (const [key, child] of entries) {
      const bad = typeof key === 'string' && (SPECIAL.has(key) ? 'is not a name' : text(key))
      if (bad) problems.push({ path: [...path, shown(String(key))], message: bad })
      // Numbers are most of a large job, and nothing can be wrong with them.
      else if (typeof child !== 'number') open.push({ value: child, path: [...path, key] })
    }
  }
  return problems.slice(0, MAX_PROBLEMS)
}

const SPECIAL = new Set(['__proto__', 'constructor', 'prototype'])

function oddity(value: unknown, depth: number): string | undefined {
  switch (typeof value) {
    case 'string':
      return text(value)
    case 'object':
      if (depth > MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH} levels`
      return value === null || Array.isArray(value) || isPlain(value)
        ? undefined
        : 'is not a JSON value'
    case 'bigint':
    case 'function':
    case 'symbol':
      return 'is not a JSON value'
    default:
      return undefined
  }
}

function text(value: string): string | undefined {
  if (value.includes('\0')) return 'has a NUL character in it'
  return value.isWellFormed() ? undefined : 'has half a character (a lone surrogate) in it'
}

function isPlain(value: object): boolean {
  const parent: unknown = Object.getPrototypeOf(value)
  return parent === null || Object.getPrototypeOf(parent) === null
}

/** A name as it can be written into a message. */
const shown = (name: string) => name.toWellFormed().replaceAll('\0', '\\0').slice(0, 80)
