import type { ValidationIssue } from '../errors.ts'

const MAX_DEPTH = 32 // levels; a job of ours has four
const MAX_NAMES = 10_000 // of one object; long lists are the only large thing in a job
const MAX_PROBLEMS = 20
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype'])

/** A value within others; its path is only written down when something is wrong with it. */
interface JsonNode {
  value: unknown
  depth: number
  key?: string | number
  parent?: JsonNode
}

/**
 * What makes a value no harmless JSON: depth, NUL and lone surrogates in texts and names, names that
 * mean something to JavaScript, things that JSON has no form for. Walks without recursion.
 */
export function findUnsafeJson(value: unknown): ValidationIssue[] {
  const problems: ValidationIssue[] = []
  const seen = new WeakSet<object>()
  const open: JsonNode[] = [{ value, depth: 0 }]
  while (open.length > 0 && problems.length < MAX_PROBLEMS) {
    const place = open.pop()!
    const problem = checkValue(place)
    if (problem) problems.push({ path: pathOf(place), message: problem })
    const { value, depth } = place
    if (problem || typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    const child = (key: string | number, value: unknown): void => {
      // Numbers are most of a large job, and nothing can be wrong with them.
      if (typeof value !== 'number') open.push({ value, depth: depth + 1, key, parent: place })
    }
    if (Array.isArray(value)) value.forEach((item, index) => child(index, item))
    else {
      for (const name of Object.keys(value)) {
        const bad = FORBIDDEN_KEYS.has(name) ? 'is not a name' : checkText(name)
        if (bad) problems.push({ path: [...pathOf(place), printableKey(name)], message: bad })
        else child(name, (value as Record<string, unknown>)[name])
      }
    }
  }
  return problems.slice(0, MAX_PROBLEMS)
}

function checkValue({ value, depth }: JsonNode): string | undefined {
  switch (typeof value) {
    case 'string':
      return checkText(value)
    case 'object':
      if (depth > MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH} levels`
      if (value === null || Array.isArray(value)) return undefined
      if (!isPlain(value)) return 'is not a JSON value'
      return Object.keys(value).length > MAX_NAMES ? 'has too many fields' : undefined
    case 'bigint':
    case 'function':
    case 'symbol':
      return 'is not a JSON value'
    default:
      return undefined
  }
}

function pathOf({ key, parent }: JsonNode): ValidationIssue['path'] {
  return parent === undefined ? [] : [...pathOf(parent), key!]
}

function checkText(value: string): string | undefined {
  if (value.includes('\0')) return 'has a NUL character in it'
  return value.isWellFormed() ? undefined : 'has half a character (a lone surrogate) in it'
}

function isPlain(value: object): boolean {
  const parent: unknown = Object.getPrototypeOf(value)
  return parent === null || Object.getPrototypeOf(parent) === null
}

/** A name as it can be written into a message. */
const printableKey = (name: string) => name.toWellFormed().replaceAll('\0', '\\0').slice(0, 80)
