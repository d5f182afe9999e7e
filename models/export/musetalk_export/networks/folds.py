"""What weights of a graph are made of where they are not a tensor of a checkpoint: norms and the time, folded.

Every operation is rounded on its own and in a fixed order, so that another language gets the same bits:
models/musetalk-v1.5/README.md spells them out, and whoever fills the templates repeats them.
"""

import numpy as np

EPSILON = 1e-5
"""Of every batch norm here."""


def norm_weight(weight: np.ndarray, norm: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """A convolution's weight, times what the norm behind it multiplies each of its outputs by. As onnxscript folds."""
    return weight * scale(norm, variance).reshape(-1, *[1] * (weight.ndim - 1))


def norm_bias(norm: np.ndarray, bias: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """What the norm behind a convolution without bias adds."""
    return (np.float32(0) - mean) * scale(norm, variance) + bias


def scale(norm: np.ndarray, variance: np.ndarray) -> np.ndarray:
    return norm / np.sqrt(variance + np.float32(EPSILON))


def time_bias(
    bias: np.ndarray, weight: np.ndarray, shift: np.ndarray,
    weight_1: np.ndarray, bias_1: np.ndarray, weight_2: np.ndarray, bias_2: np.ndarray,
) -> np.ndarray:
    """A convolution's bias with what the embedding of time 0 adds to it, f32: in double, rounded once.

    @param weight, shift `time_emb_proj` of the residual block
    @param weight_1, bias_1, weight_2, bias_2 the two layers of `time_embedding`
    """
    columns = weight_1.shape[1]
    # Of time 0 all cosines are one, all sines nothing.
    angles = np.repeat([1.0, 0.0], columns // 2)
    embedding = silu(linear(silu(linear(angles, weight_1, bias_1)), weight_2, bias_2))
    return (bias.astype(np.float64) + linear(embedding, weight, shift)).astype(np.float32)


def linear(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    # A cumulative sum goes from the first column to the last; a matrix product goes as its library likes.
    return np.cumsum(weight.astype(np.float64) * x, 1)[:, -1] + bias.astype(np.float64)


def silu(x: np.ndarray) -> np.ndarray:
    return x / (1 + exp(-x))


def exp(x: np.ndarray) -> np.ndarray:
    """Without the libraries' own, whose last bits differ."""
    total, part = np.ones_like(x), x / 1024
    for n in range(14, 0, -1):
        total = 1 + total * part / n
    for _ in range(10):
        total = total * total
    return total
