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
    # At the corners the slope that makes the last piece a parabola: lips leave the corner steeply.
    slope = torch.cat([2 * chord[:, :1] - inner[:, :1], inner, 2 * chord[:, -1:] - inner[:, -1:]], 1).clamp(-1.6, 1.6)
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


def rows_of(flat, index):
    """flat [K,C], index int64 [N,h,w] -> [N,h,w,C]: a row gather, far cheaper on a CPU than GridSample"""
    n, h, w = index.shape
    return torch.index_select(flat, 0, index.reshape(-1)).reshape(n, h, w, flat.shape[1])


def finer(count: int, times: int):
    """[count, count*times] matrix of linear interpolation: tables @ it are `times` as fine"""
    place = torch.linspace(0, count - 1, count * times)
    return (1 - (place[None, :] - torch.arange(count)[:, None]).abs()).clamp(min=0)


def fast_tables(tables, a, matrix):
    """As read_tables, but the nearest entry of tables made finer: tables [N,C,T], a [N,h,w] -> C tensors [N,h,w]"""
    fine = torch.matmul(tables, matrix)
    n, c, t = fine.shape
    flat = fine.permute(0, 2, 1).reshape(n * t, c)
    place = (a * (0.5 * (t - 1) / SPAN) + 0.5 * (t - 1) + 0.5).clamp(0, t - 1)
    return rows_of(flat, place.to(torch.int64) + torch.arange(n)[:, None, None] * t).unbind(-1)


def read_image(image, x, y):
    """image f32 [N,C,H,W], pixel positions x, y [N,h,w] -> [N,C,h,w], bilinear, border replicated"""
    h, w = image.shape[-2], image.shape[-1]
    grid = torch.stack([(2 * x + 1) / w - 1, (2 * y + 1) / h - 1], -1)
    return F.grid_sample(image, grid, "bilinear", "border", False)
