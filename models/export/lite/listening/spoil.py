"""What happens to log mel while training: other throats, fainter consonants, responses, noise, limits, masks."""

from functools import cache

import numpy as np
import torch
from listening.network import BANDS
from speech.phones import CLASSES, SIL
from torch.nn import functional as F

_WARPS = 21


@cache
def _warps(shortest, longest):
    """f32 [21, 64, 64]: log mel -> log mel of a vocal tract `shortest` to `longest` times as long."""
    mel = np.linspace(2595 * np.log10(1 + 60 / 700), 2595 * np.log10(1 + 7600 / 700), BANDS + 2)[1:-1]
    hz = 700 * (10 ** (mel / 2595) - 1)
    out = np.zeros((_WARPS, BANDS, BANDS), np.float32)
    for m, factor in zip(out, np.geomspace(shortest, longest, _WARPS)):
        at = np.clip(np.interp(hz * factor, hz, np.arange(BANDS)), 0, BANDS - 1.001)
        low = at.astype(int)
        m[np.arange(BANDS), low] = 1 - (at - low)
        m[np.arange(BANDS), low + 1] = at - low
    return torch.tensor(out)


_FADING = torch.tensor([c in ("S", "SH", "F", "TH", "T", "K", "H") for c in CLASSES])


def weaken(mel, label, generator):
    """Log mel [B, 64, T], classes [B, T / 2] -> in half of the clips many consonants are up to 17 dB fainter.

    Synthesizers speak every fricative and every release alike; people let them fade, above all before a pause.
    """
    count, steps = label.shape
    uniform = lambda *shape: torch.rand(*shape, generator=generator)
    segment = F.pad(label[:, 1:] != label[:, :-1], (1, 0)).long().cumsum(1)
    drop = 2.5 * uniform(count, steps) * (uniform(count, steps) < 0.5)  # one draw per segment
    last = 1.5 * uniform(count, steps) * (uniform(count, steps) < 0.6)
    pause = label.roll(-6, 1) == SIL  # 120 ms on
    drop = drop.gather(1, segment) + last.gather(1, segment) * pause
    drop = drop * _FADING[label] * (uniform(count, 1) < 0.5)
    drop = F.avg_pool1d(F.pad(drop.repeat_interleave(2, 1)[:, None], (2, 2), mode="replicate"), 5, 1)
    floor = mel.kthvalue(mel.shape[2] // 40 + 1, 2, keepdim=True).values
    return torch.where(drop > 0, torch.logaddexp(mel - drop, floor - 1), mel)


def augment(mel, generator, narrow, tracts):
    """Log mel [B, 64, T] -> the same with another vocal tract, frequency response, noise and band limit.

    narrow: share of clips without the upper bands. tracts: shortest and longest, 1 = the voice's own.
    """
    uniform = lambda *shape, a=0.0, b=1.0: torch.rand(*shape, generator=generator) * (b - a) + a
    count = len(mel)
    mel = _warps(*tracts)[torch.randint(0, _WARPS, (count,), generator=generator)] @ mel
    curve = F.interpolate(uniform(count, 1, 6, a=-1.5, b=1.5), size=BANDS, mode="linear", align_corners=True)
    mel = mel + curve.transpose(1, 2)
    level = mel.mean(1).amax(1)[:, None, None]
    noise = level - uniform(count, 1, 1, a=2, b=9) + uniform(count, 1, 1, a=-1.5, b=1.5) * torch.linspace(-1, 1, BANDS)[:, None]
    ripple = torch.log((-torch.log(uniform(*mel.shape, a=1e-4, b=1))).clamp(min=1e-3)) * 0.6
    mel = torch.where(uniform(count, 1, 1) < 0.35, torch.logaddexp(mel, noise + ripple), mel)
    band = torch.arange(BANDS)[:, None]
    edge = torch.where(uniform(count, 1, 1) < narrow, uniform(count, 1, 1, a=40, b=60), torch.full((count, 1, 1), 99.0))
    return torch.where(band > edge, mel.amin((1, 2), keepdim=True), mel)


def mask(x, generator, tilt):
    """Normalized mel -> contrast .85 to 1.2, a curve of up to +-tilt, two masks of up to 6 bands.

    The curve stands for what the normalization takes from other sentences: neighboring windows must agree.
    """
    count = len(x)
    x = x * (0.85 + 0.35 * torch.rand(count, 1, 1, generator=generator))
    if tilt:
        curve = (torch.rand(count, 1, 8, generator=generator) - 0.5) * 2 * tilt
        x = x + F.interpolate(curve, size=BANDS, mode="linear", align_corners=True).transpose(1, 2)
    band = torch.arange(BANDS)[:, None]
    for _ in range(2):
        first = torch.randint(0, BANDS, (count, 1, 1), generator=generator)
        width = torch.randint(0, 7, (count, 1, 1), generator=generator)
        x = torch.where((band >= first) & (band < first + width), torch.zeros(()), x)
    return x
