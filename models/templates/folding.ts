/**
 * What the exporter folds into weights, step by step as models/musetalk-v1.5/README.md states it: no
 * library's exp, no fused multiply-add, sums from the first column to the last. The bytes are the same
 * everywhere.
 */

/** weight / sqrt(variance + epsilon), every step rounded to single precision. */
function normScale(weight: Float32Array, variance: Float32Array, epsilon: number): Float32Array {
  const small = Math.fround(epsilon)
  return weight.map((value, i) => {
    const deviation = Math.fround(Math.sqrt(Math.fround(variance[i]! + small)))
    return Math.fround(value / deviation)
  })
}

/** A convolution's weight with the norm behind it folded in; its first axis is the norm's channels. */
export function foldNormWeight(
  [convolution, weight, variance]: readonly [Float32Array, Float32Array, Float32Array],
  epsilon: number,
): Float32Array {
  const scale = normScale(weight, variance, epsilon)
  const each = convolution.length / scale.length
  const folded = new Float32Array(convolution.length)
  for (let channel = 0, at = 0; channel < scale.length; channel++) {
    for (let i = 0; i < each; i++, at++) folded[at] = convolution[at]! * scale[channel]!
  }
  return folded
}

/** The bias that a convolution without one gets of the norm behind it. */
export function foldNormBias(
  [weight, bias, mean, variance]: readonly [Float32Array, Float32Array, Float32Array, Float32Array],
  epsilon: number,
): Float32Array {
  const scale = normScale(weight, variance, epsilon)
  return bias.map((value, i) => Math.fround(Math.fround(0 - mean[i]!) * scale[i]!) + value)
}

type Seven<T> = readonly [T, T, T, T, T, T, T]

/** A convolution's bias with what the embedding of time step 0 adds to it; double until the end. */
export function foldTimeBias([
  bias,
  projectionWeight,
  projectionBias,
  weight1,
  bias1,
  weight2,
  bias2,
]: Seven<Float32Array>): Float32Array {
  const columns = weight1.length / bias1.length
  // Cosines of 0, then sines of 0.
  const embedding = Float64Array.from({ length: columns }, (_, i) => (i < columns / 2 ? 1 : 0))
  const inner = linear(embedding, weight1, bias1).map(silu)
  const hidden = linear(inner, weight2, bias2).map(silu)
  const added = linear(hidden, projectionWeight, projectionBias)
  return bias.map((value, i) => value + added[i]!)
}

function linear(x: Float64Array, weight: Float32Array, bias: Float32Array): Float64Array {
  const y = new Float64Array(bias.length)
  for (let row = 0, at = 0; row < y.length; row++) {
    let sum = -0 // what a sum of nothing is
    for (let column = 0; column < x.length; column++, at++) sum += weight[at]! * x[column]!
    y[row] = sum + bias[row]!
  }
  return y
}

const silu = (x: number) => x / (1 + exponential(-x))

/** Taylor's series of x / 1024, squared ten times: off by less than 1e-12 of the value. */
function exponential(x: number): number {
  const t = x / 1024
  let sum = 1
  for (let n = 14; n >= 1; n--) sum = 1 + (sum * t) / n
  for (let i = 0; i < 10; i++) sum *= sum
  return sum
}
