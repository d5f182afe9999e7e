/** Nearest integer, ties to the even one: C's rint() and OpenCV's cvRound(). */
export function roundHalfEven(value: number): number {
  const up = Math.floor(value + 0.5)
  return up - value === 0.5 && up % 2 !== 0 ? up - 1 : up
}
