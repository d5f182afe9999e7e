/** Chance that can be had again: the same seed gives the same numbers. */
export interface Random {
  /** 0 <= x < 1 */
  next(): number
  chance(share: number): boolean
  /** A whole number, both ends included. */
  between(low: number, high: number): number
  /** One of these, by their weights. */
  pick<T>(items: readonly (readonly [weight: number, item: T])[]): T
}

/** @see mulberry32 by Tommy Ettinger: 32 bits of state, good enough to choose accidents with */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    next,
    chance: (share) => next() < share,
    between: (low, high) => low + Math.floor(next() * (high - low + 1)),
    pick(items) {
      let left = next() * items.reduce((sum, [weight]) => sum + weight, 0)
      return (items.find(([weight]) => (left -= weight) < 0) ?? items.at(-1)!)[1]
    },
  }
}
