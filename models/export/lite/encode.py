"""`encode`: what one source frame says about its mouth: geometry, colors and the inside of the mouth."""

import sys
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))
from mouth.export import export
from mouth.geometry import abscissae, curve, ramp, read_pixels, read_tables
from mouth.state import ACROSS, BOTTOM, COLUMNS, ROWS, TABLE, TOP

LICENSE = "same as the product"
ORIGIN = "own: geometry, no trained weights"

# The inner corners 60 and 64 lie so near the outer ones that their slope is noise.
UPPER_INNER = [48, 61, 62, 63, 54]
LOWER_INNER = [48, 67, 66, 65, 54]
UPPER_OUTER = [48, 49, 50, 51, 52, 53, 54]
LOWER_OUTER = [48, 59, 58, 57, 56, 55, 54]


class Encode(nn.Module):
    """crop u8 [N,256,256,3] RGB, landmarks f32 [N,68,2] crop px -> pixels, shape [N,S], inside u8 [N,4,R,C]"""

    def __init__(self):
        super().__init__()
        self.register_buffer("at", abscissae())
        column = (torch.arange(COLUMNS) + 0.5) / COLUMNS * 2 - 1
        row = (torch.arange(ROWS) + 0.5) / ROWS
        self.register_buffer("u", (column * ACROSS)[None, None, :].expand(1, ROWS, COLUMNS).contiguous())
        self.register_buffer("v", (TOP + row * (BOTTOM - TOP))[None, :, None].expand(1, ROWS, COLUMNS).contiguous())
        d = torch.arange(-4.0, 5.0, 2.0)
        self.register_buffer("dx", d[None, None, :].repeat(1, 1, 5).reshape(1, 1, 25))
        self.register_buffer("dy", d[None, :, None].repeat(1, 1, 5).reshape(1, 1, 25))

    def span(self, p, a, b):
        """distance of two landmarks [N,1] px, at least 8"""
        d = p[:, b] - p[:, a]
        return (d * d).sum(1, keepdim=True).sqrt().clamp(min=8)

    def color(self, crop, points):
        """mean RGB of 9x9 px patches around points [N,K,2] -> [N,3]"""
        x = points[:, :, 0:1] + self.dx
        y = points[:, :, 1:2] + self.dy
        return colors_at(crop, x, y).mean((2, 3)).T

    def forward(self, crop, landmarks):
        p = landmarks
        left, right = p[:, 48], p[:, 54]
        center = (left + right) / 2
        across = right - left
        length = (across * across).sum(1, keepdim=True).sqrt().clamp(min=4)
        e = across / length
        n = torch.stack([-e[:, 1], e[:, 0]], 1)
        half = length / 2
        x = ((p - center[:, None]) * e[:, None]).sum(2)
        y = ((p - center[:, None]) * n[:, None]).sum(2)

        # Three widths of the head instead of one: blinks move the eye corners. Ratios measured on 22 faces.
        eyes = (self.span(p, 36, 45) + 0.653 * self.span(p, 1, 15) + 0.787 * self.span(p, 17, 26)) / 3
        brow = (y[:, 36:37] + y[:, 45:46]) / 2
        nose = y[:, 33:34]
        drop = (nose - brow).clamp(min=4)
        # The eyes shrink when the head turns, the nose when it nods: the larger of the two holds (soft maximum).
        rise = (((0.56 * eyes) ** 8 + drop**8) / 2) ** 0.125

        a, b = x / half, y / half
        inner, outer = (torch.tensor(pair).reshape(-1) for pair in ((UPPER_INNER, LOWER_INNER), (UPPER_OUTER, LOWER_OUTER)))
        upper, lower, over, under = (
            contour for points in (inner, outer)
            for contour in curve(*(v.index_select(1, points).reshape(v.shape[0], 2, -1) for v in (a, b)), self.at).unbind(1)
        )
        # A contour that crosses its neighbor is landmark noise.
        lower = torch.maximum(lower, upper)
        over = torch.minimum(over, upper)
        under = torch.maximum(under, lower)
        tables = torch.stack([upper, lower, over, under], 1)
        gap = (lower - upper).amax(1, keepdim=True) * half

        middle = (x[:, 33:34] + x[:, 51:52] + x[:, 62:63]) / 3
        jaw_left = x[:, 3:6].mean(1, keepdim=True)
        jaw_right = x[:, 11:14].mean(1, keepdim=True)
        cheeks = torch.stack([(p[:, 41] + p[:, 31] + p[:, 2]) / 3, (p[:, 46] + p[:, 35] + p[:, 14]) / 3], 1)
        skin = self.color(crop, cheeks)
        skin_red = skin[:, :1] / skin.sum(1, keepdim=True).clamp(min=0.03)
        beyond = self.beyond(crop, center, e, n, half, tables, ramp(gap / half, 0.03, 0.09), skin_red)
        lip = self.color(crop, (p[:, [57, 56, 58]] + p[:, [66, 65, 67]]) / 2)
        shape = torch.cat([center, e, half, eyes, rise, middle, nose, y[:, 8:9], jaw_left, jaw_right,
                           skin, lip, gap, tables.flatten(1), beyond.flatten(1)], 1)
        wider = torch.stack([upper, lower + beyond[:, 1]], 1)
        return crop, shape, self.inside(crop, center, e, n, half, eyes, rise, middle, nose, wider)

    def beyond(self, crop, center, e, n, half, tables, gape, skin_red):
        """How far the open mouth reaches past its inner contours [N,2,T], half widths.

        Landmarks miss the true edge of the lips by some pixels. From the contour into the lip, samples count
        as mouth as long as they are paler (also than the skin, which a shine on the lip is not) and brighter, or
        much darker, than the middle of the same lip. The dark line between closed lips (gape [N,1] near 0) is no
        mouth.
        """
        upper, lower, over, under = tables.unbind(1)
        start = torch.stack([upper, lower], 1)
        thick = torch.stack([over - upper, under - lower], 1)  # signed: into the lip
        steps = torch.linspace(0, 0.75, 13)
        y = (start[..., None] + thick[..., None] * steps) * half[:, :, None, None]  # [N,2,T,13]
        x = (self.at[None, None, :, None] * half[:, :, None, None]).expand_as(y)
        px = center[:, 0, None, None, None] + x * e[:, 0, None, None, None] + y * n[:, 0, None, None, None]
        py = center[:, 1, None, None, None] + x * e[:, 1, None, None, None] + y * n[:, 1, None, None, None]
        red, green, blue = colors_at(crop, px.flatten(1, 2), py.flatten(1, 2)).unbind(0)  # [N,2T,13]
        light = 0.299 * red + 0.587 * green + 0.114 * blue
        red = red / (red + green + blue).clamp(min=0.03)

        def usual(v):
            """The lip's own value: samples from .44 to .75 of its thickness, smoothed along the mouth."""
            v = v[:, :, 7:].mean(2).reshape(-1, 1, 2, TABLE)
            v = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(v, (8, 8, 0, 0), "replicate"), (1, 17), 1)
            return v.reshape(-1, 2 * TABLE, 1)

        bright = light / usual(light).clamp(min=0.02)
        pale = ramp(usual(red) - red, 0.015, 0.05) * ramp(bright, 1.0, 1.25) * ramp(skin_red[:, :, None] - red, -0.03, 0.01)
        glaring = (pale * ramp(bright, 1.25, 1.60)).unbind(2)
        mouth = torch.maximum(pale, (1 - ramp(bright, 0.40, 0.70)) * gape[:, :, None]).unbind(2)
        run, length = mouth[0], torch.zeros_like(mouth[0])
        slit = torch.zeros_like(length)
        for k in range(1, 11):
            length = length + run * 0.0625
            run = run * mouth[k]
            if k < 7:  # parted lips whose landmarks say closed: the slit may lie a little beside the contour
                slit = torch.maximum(slit, glaring[k] * ((k + 0.5) * 0.0625))
        length = torch.maximum(length, slit)
        length = length.reshape(-1, 1, 2, TABLE)
        length = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(length, (2, 2, 0, 0), "replicate"), (1, 5), 1)
        return length[:, 0] * thick.abs()

    def inside(self, crop, center, e, n, half, eyes, rise, middle, nose, tables):
        """The mouth interior on a grid fixed to the head, with a soft mask: between the inner lips."""
        def wide(v):
            return v[:, :, None]
        x = wide(middle) + self.u * wide(eyes)
        y = wide(nose) + self.v * wide(rise)
        px = wide(center[:, 0:1]) + x * wide(e[:, 0:1]) + y * wide(n[:, 0:1])
        py = wide(center[:, 1:2]) + x * wide(e[:, 1:2]) + y * wide(n[:, 1:2])
        rgb = colors_at(crop, px, py)
        upper, lower = read_tables(tables, x / wide(half))
        from_upper = y - upper * wide(half)
        from_lower = lower * wide(half) - y
        valid = ramp(from_upper, -0.8, 0.8) * ramp(from_lower, -0.3, 1.7) * ramp(from_upper + from_lower, 1.0, 3.0)
        out = torch.cat([rgb, valid[None]])
        return (out * 255 + 0.5).to(torch.uint8).transpose(0, 1)


def colors_at(crop, x, y):
    """RGB at pixel positions [N,h,w] -> [3,N,h,w], 0..1"""
    return read_pixels(crop, x, y) / 255


def build(out: Path, cache: Path) -> None:
    del cache
    example = (torch.zeros(2, 256, 256, 3, dtype=torch.uint8), torch.rand(2, 68, 2) * 200 + 20)
    export(Encode(), example, out / "encode.onnx", ["crop", "landmarks"], ["pixels", "shape", "inside"],
           ["crop", "landmarks", "pixels", "shape", "inside"])
