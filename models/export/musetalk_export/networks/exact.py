"""Constants of graphs, rounded from many digits: libraries' own last bits depend on the processor."""

from collections.abc import Callable, Iterable

import mpmath
import numpy as np

mpmath.mp.prec = 120


def rounded(values: Iterable, function: Callable = mpmath.mpf) -> np.ndarray:
    """What a function makes of numbers, f64."""
    return np.array([float(function(value)) for value in values])


def circle(parts: int) -> np.ndarray:
    """Cosines of a circle cut into parts, f64."""
    return rounded(range(parts), lambda k: mpmath.cos(2 * mpmath.pi * k / parts))
