"""Geometry shared by the mouth graphs, in plain torch that exports to standard operators."""

import torch
import torch.nn.functional as F
from gather import take
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
    t = tables.shape[2]
    place = (a * (0.5 * (t - 1) / SPAN) + 0.5 * (t - 1)).clamp(0, t - 1.001)
    first = place.int()
    part = place - first.float()
    pairs = zip(entries(tables, first), entries(tables, first + 1), strict=True)
    return [here + (after - here) * part for here, after in pairs]


def entries(tables, places):
    """tables [N,C,T] at places i32 [N,h,w] -> C tensors [N,h,w]"""
    n, _, t = tables.shape
    places = places + torch.arange(n, dtype=torch.int32)[:, None, None] * t
    return [take(table.reshape(-1), places) for table in tables.unbind(1)]


def planes_of(rows, places):
    """rows [K,C], places i32 [N,h,w] -> [C,N,h,w]"""
    count = rows.shape[1]
    channels = torch.arange(count, dtype=torch.int32)[:, None, None, None]
    return take(rows.reshape(-1), count * places + channels)


class PutRows(torch.autograd.Function):
    """Rows [P,C] in the places [P,1] of a table [K,C]. Torch's own way is exported as expansions and comparisons."""

    @staticmethod
    def forward(ctx, table, places, rows):
        return table.index_copy(0, places[:, 0], rows)

    @staticmethod
    def symbolic(g, table, places, rows):
        return g.op("ScatterND", table, places, rows)


put_rows = PutRows.apply


def read_pixels(pixels, x, y):
    """u8 [N,H,W,3] at pixel positions x, y [N,h,w] -> f32 [3,N,h,w], 0..255, bilinear, border replicated"""
    _, height, width, _ = pixels.shape
    # Positions are not negative, so that cutting the fraction off rounds down.
    x, y = x.clamp(0, width - 1.001), y.clamp(0, height - 1.001)
    column, row = x.int(), y.int()
    fx, fy = x - column.float(), y - row.float()
    first = torch.arange(x.shape[0], dtype=torch.int32)[:, None, None] * (height * width)
    at = 3 * (row * width + column + first) + torch.arange(3, dtype=torch.int32)[:, None, None, None]
    flat, lines = pixels.reshape(-1), []
    for below in (0, 3 * width):
        left, right = take(flat, at + below).float(), take(flat, at + (below + 3)).float()
        lines.append(left + (right - left) * fx)
    return lines[0] + (lines[1] - lines[0]) * fy


def read_image(image, x, y):
    """image f32 [N,C,H,W], pixel positions x, y [N,h,w] -> [N,C,h,w], bilinear, border replicated"""
    h, w = image.shape[-2], image.shape[-1]
    grid = torch.stack([(2 * x + 1) / w - 1, (2 * y + 1) / h - 1], -1)
    return F.grid_sample(image, grid, "bilinear", "border", False)
