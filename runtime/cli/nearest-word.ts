/**
 * The word that was meant by a mistyped one: the nearest by letters changed, added, left out or swapped
 * with their neighbor, if it is near enough for its length.
 */
export function nearestWord(typed: string, words: Iterable<string>): string | undefined {
  let nearest: string | undefined
  let least = Math.max(1, Math.floor(typed.length / 3)) + 1
  for (const word of words) {
    const distance = word.startsWith(typed) && typed.length >= 2 ? 1 : editDistance(typed, word)
    if (distance >= least) continue
    nearest = word
    least = distance
  }
  return nearest
}

/** Optimal string alignment: a swap of neighbors counts once. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        row[j - 1]! + 1,
        last[j]! + 1,
        last[j - 1]! + (same ? 0 : 1),
        swapped ? beforeLast[j - 2]! + 1 : Infinity,
      )
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
