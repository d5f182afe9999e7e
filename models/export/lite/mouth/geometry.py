"""Geometry shared by the mouth graphs, in plain torch that exports to standard operators."""

import torch
import torch.nn.functional as F
from mouth.state import SPAN, TABLE


def ramp(x, low, high):
    """smoothstep: 0 at `low`, 1 at `high`"""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def curve(a, b, at):
    """Cubic Hermite through knots a, b [...,K] (a ascending), read at `at` [T] -> [...,T].

    Slopes are the distance-weighted mean of the neighboring chords, clipped to 1.6. Outside the knots the
    end values go on: beyond the corners the contours are the line of the corners.
    """
    step = (a[..., 1:] - a[..., :-1]).clamp(min=0.03)
    a = torch.cat([a[..., :1], a[..., :1] + torch.cumsum(step, -1)], -1)
    chord = (b[..., 1:] - b[..., :-1]) / step
    inner = (chord[..., :-1] * step[..., 1:] + chord[..., 1:] * step[..., :-1]) / (step[..., 1:] + step[..., :-1])
    # At the corners the slope that makes the last piece a parabola: lips leave the corner steeply.
    first, last = 2 * chord[..., :1] - inner[..., :1], 2 * chord[..., -1:] - inner[..., -1:]
    slope = (torch.cat([first, inner, last], -1).clamp(-1.6, 1.6))[..., None]
    # All pieces at every place [...,K-1,T]; a place counts in the last piece that has begun.
    step, b = step[..., None], b[..., None]
    t = (at - a[..., :-1, None]) / step
    begun = (t >= 0).to(t.dtype)
    begun = torch.cat([torch.ones_like(begun[..., :1, :]), begun[..., 1:, :]], -2)
    here = begun - torch.cat([begun[..., 1:, :], torch.zeros_like(begun[..., :1, :])], -2)
    t = t.clamp(0, 1)
    u = 1 - t
    value = (b[..., :-1, :] * (1 + 2 * t) * u * u + b[..., 1:, :] * (3 - 2 * t) * t * t
             + step * t * u * (slope[..., :-1, :] * u - slope[..., 1:, :] * t))
    return (here * value).sum(-2)


def abscissae():
    """[TABLE] positions of the table entries, in half mouth widths"""
    return torch.linspace(-SPAN, SPAN, TABLE)


def read_tables(tables, a):
    """tables [N,C,T] over -SPAN..SPAN, a [N,h,w] -> C tensors [N,h,w], linear, ends replicated"""
    n, c, t = tables.shape
    place = (a * (0.5 * (t - 1) / SPAN) + 0.5 * (t - 1)).clamp(0, t - 1.001)
    first = place.int()
    part = place - first.float()
    index = first + torch.arange(n, dtype=torch.int32)[:, None, None] * t
    flat = tables.transpose(1, 2).reshape(-1, c)
    return [here + (after - here) * part for here, after in zip(planes_of(flat, index), planes_of(flat, index + 1), strict=True)]


def planes_of(flat, index):
    """flat [K,C], index int [N,h,w] -> C tensors [N,h,w]: a row gather, far cheaper on a CPU than GridSample"""
    rows = torch.index_select(flat, 0, index.reshape(-1))
    return rows.T.reshape(-1, *index.shape).unbind(0)


class PutRows(torch.autograd.Function):
    """Rows [P,C] in the places [P,1] of a table [K,C]. Torch's own way is exported as expansions and comparisons."""

    @staticmethod
    def forward(ctx, table, places, rows):
        return table.index_copy(0, places[:, 0], rows)

    @staticmethod
    def symbolic(g, table, places, rows):
        return g.op("ScatterND", table, places, rows)


put_rows = PutRows.apply


def neighbors(pixels):
    """u8 [N,H,W,3] -> u8 [N*H*W,6]: each pixel and the one to its right, those of even columns first.

    Two views of the same bytes, one a pixel further on: that costs a copy, and saves half of the gathers.
    """
    flat = pixels.reshape(-1)
    return torch.cat([flat, flat[3:], flat[:3]]).reshape(-1, 6)


def read_neighbors(near, x, y, side=256):
    """near: what `neighbors` makes of square pictures, pixel positions x, y [N,h,w] -> f32 [3,N,h,w], 0..255; as read_image"""
    # Positions are not negative, so that cutting the fraction off rounds down.
    x, y = x.clamp(0, side - 1.001), y.clamp(0, side - 1.001)
    column, row = x.int().float(), y.int().float()
    pair = (column * 0.5).int().float()
    odd = (column - 2 * pair).int() * (near.shape[0] // 2)
    first = torch.arange(x.shape[0], dtype=torch.int32)[:, None, None] * (side * side // 2)
    index = ((row * (side // 2) + pair).int() + odd + first).reshape(-1)
    fx, fy = x - column, y - row
    lines = []
    for at in (index, index + side // 2):
        left, right = (tap.float() for tap in near.index_select(0, at).T.reshape(2, 3, *x.shape).unbind(0))
        lines.append(left + (right - left) * fx)
    return lines[0] + (lines[1] - lines[0]) * fy


def read_image(image, x, y):
    """image f32 [N,C,H,W], pixel positions x, y [N,h,w] -> [N,C,h,w], bilinear, border replicated"""
    h, w = image.shape[-2], image.shape[-1]
    grid = torch.stack([(2 * x + 1) / w - 1, (2 * y + 1) / h - 1], -1)
    return F.grid_sample(image, grid, "bilinear", "border", False)
