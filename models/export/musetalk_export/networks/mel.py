"""Speech to log-mel as whisper's feature extractor makes it, as part of a graph.

The Fourier transform is a matrix product in double: in single precision the rounding of a loud bin drowns the quiet
ones, and log-mel is off by 5e-5 where 1e-5 is wanted.
"""

import mpmath
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .exact import circle, rounded

RATE, SAMPLES, HOP, WINDOW, BINS, MELS = 16_000, 480_000, 160, 400, 201, 80
FRAMES = SAMPLES // HOP
_LINEAR_HZ, _LINEAR_MELS = 1000.0, 15.0  # Slaney's scale: 200/3 Hz per mel up to 1 kHz, a logarithm above
_STEP = float(mpmath.log(6.4)) / 27


def _hertz(mels: np.ndarray) -> np.ndarray:
    return np.where(mels < _LINEAR_MELS, mels * 200 / 3, _LINEAR_HZ * rounded(_STEP * (mels - _LINEAR_MELS), mpmath.exp))


def filters() -> np.ndarray:
    """Slaney's triangles of equal area, f64 [201, 80]: power spectrum to mel, 0 to 8000 Hz."""
    top = _LINEAR_MELS + float(mpmath.log(RATE / 2 / _LINEAR_HZ)) / _STEP
    edges = _hertz(np.linspace(0, top, MELS + 2))
    bins = np.linspace(0, RATE / 2, BINS)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])


def transform() -> np.ndarray:
    """Periodic Hann window times cosines, then times sines: f64 [400, 402]."""
    n, cosine = np.arange(WINDOW)[:, None], circle(WINDOW)
    turn = n * np.arange(BINS)
    window = 0.5 - 0.5 * cosine[n]
    # A sine is the cosine a quarter of a circle before.
    return window * np.concatenate([cosine[turn % WINDOW], cosine[(turn - WINDOW // 4) % WINDOW]], 1)


class LogMel(nn.Module):
    """pcm f32 [480000], 16 kHz -> f32 [1, 80, 3000]; the loudest value of the 30 s sets the floor, 80 dB below it."""

    def __init__(self):
        super().__init__()
        self.register_buffer('transform', torch.from_numpy(transform()))
        self.register_buffer('filters', torch.from_numpy(filters()))

    def forward(self, pcm: torch.Tensor) -> torch.Tensor:
        padded = F.pad(pcm[None].double(), (WINDOW // 2, WINDOW // 2), mode='reflect')
        # A window is five blocks of half a hop: slices of the signal instead of an index of 1.2 million places.
        half = HOP // 2
        blocks = padded.reshape(-1, half)
        windows = torch.cat([blocks[k:k + 2 * FRAMES:2] for k in range(WINDOW // half)], 1)
        cosines, sines = (windows @ self.transform).split(BINS, 1)
        power = (cosines * cosines + sines * sines) @ self.filters
        level = torch.log10(power.float().clamp(min=1e-10))
        level = torch.maximum(level, level.max() - 8)
        return ((level + 4) / 4).transpose(0, 1)[None]
