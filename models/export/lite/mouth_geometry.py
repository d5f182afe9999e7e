"""Geometry shared by the mouth graphs, in plain torch that exports to standard operators."""

import torch
import torch.nn.functional as F
from mouth_state import SPAN, TABLE


def ramp(x, low, high):
    """smoothstep: 0 at `low`, 1 at `high`"""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def curve(a, b, at):
    """Cubic Hermite through knots a, b [N,K] (a ascending), read at `at` [T] -> [N,T].

    Slopes are the distance-weighted mean of the neighbouring chords, clipped to 1.6. Outside the knots the
    end values go on: beyond the corners the contours are the line of the corners.
    """
    step = (a[:, 1:] - a[:, :-1]).clamp(min=0.03)
    a = torch.cat([a[:, :1], a[:, :1] + torch.cumsum(step, 1)], 1)
    chord = (b[:, 1:] - b[:, :-1]) / step
    inner = (chord[:, :-1] * step[:, 1:] + chord[:, 1:] * step[:, :-1]) / (step[:, 1:] + step[:, :-1])
    slope = torch.cat([chord[:, :1], inner, chord[:, -1:]], 1).clamp(-1.6, 1.6)
    at = at[None, :].expand(a.shape[0], -1)
    at = torch.minimum(torch.maximum(at, a[:, :1]), a[:, -1:])
    out = torch.zeros_like(at)
    for i in range(a.shape[1] - 1):
        t = ((at - a[:, i : i + 1]) / step[:, i : i + 1])
        inside = (t >= 0).to(at.dtype) * (t < 1).to(at.dtype)
        if i == a.shape[1] - 2:
            inside = (t >= 0).to(at.dtype)
        t = t.clamp(0, 1)
        u = 1 - t
        value = (b[:, i : i + 1] * (1 + 2 * t) * u * u + b[:, i + 1 : i + 2] * (3 - 2 * t) * t * t
                 + step[:, i : i + 1] * t * u * (slope[:, i : i + 1] * u - slope[:, i + 1 : i + 2] * t))
        out = out + inside * value
    return out


def abscissae():
    """[TABLE] positions of the table entries, in half mouth widths"""
    return torch.linspace(-SPAN, SPAN, TABLE)


def read_tables(tables, a):
    """tables [N,C,T] over -SPAN..SPAN, a [N,H,W] -> [N,C,H,W], linear, ends replicated"""
    n, c, t = tables.shape
    grid = torch.stack([a / SPAN * ((t - 1) / t), torch.zeros_like(a)], -1)
    return F.grid_sample(tables.reshape(n, c, 1, t), grid, "bilinear", "border", False)


def read_image(image, x, y):
    """image f32 [N,C,H,W], pixel positions x, y [N,h,w] -> [N,C,h,w], bilinear, border replicated"""
    h, w = image.shape[-2], image.shape[-1]
    grid = torch.stack([(2 * x + 1) / w - 1, (2 * y + 1) / h - 1], -1)
    return F.grid_sample(image, grid, "bilinear", "border", False)
