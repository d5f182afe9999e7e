"""`generate`: redraws the mouth of a source frame in the pose the prompt asks for.

The lips are two moving pictures (an upper and a lower field of displacements of the source pixels), the
opening between them shows the person's teeth, fixed to the head, over a drawn mouth cavity and tongue.

Only a box around the lips is drawn in full. Below and beside it the cheeks and the chin move in one smooth field,
which is found at half the resolution.
"""

import sys
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))
from mouth.export import export
from mouth.fields import (
    EDGES,
    SHADOW,
    edge_profiles,
    fine_places,
    finer,
    heights,
    inside_profiles,
    lip_profiles,
    read_along,
    sideways,
    to_crop,
    to_mouth,
)
from mouth.geometry import abscissae, planes_of, put_rows, ramp, read_pixels
from mouth.inside import draw_inside
from mouth.pose import neutral, outlines, pose_of
from mouth.state import COLUMNS, FINER, MOUTH, ROWS, SHAPE, TABLE, size, split

LICENSE = "same as the product"
ORIGIN = "own: geometry and drawing, no trained weights"

FIRST = 104  # rows above are never touched
PIXELS = 256
STEP = 4  # px of a cell of the coarse field
MARGIN = 4  # px of a box around what is drawn in it
ASIDE = 1.27  # half mouth widths from the middle, to where the lips have melted into one picture
LINE = (0.32, 0.40, 0.38)  # of the contact line: darker, and a little red


class Generate(nn.Module):
    """pixels u8 [N,256,256,3], shape [N,S], mouth [1,M], teeth [1,4R,4C,4], prompt [N,10,8] -> face u8"""

    def __init__(self):
        super().__init__()
        self.register_buffer("coarse_t", abscissae()[None, None])
        self.register_buffer("t", fine_places())
        self.register_buffer("finer", finer())
        y, x = torch.meshgrid(*(torch.arange(first + (STEP - 1) / 2, PIXELS, STEP) for first in (FIRST, 0)), indexing="ij")
        self.register_buffer("cells", torch.stack([x.reshape(1, 1, -1), y.reshape(1, 1, -1)]))
        self.register_buffer("x", torch.arange(PIXELS, dtype=torch.float32)[None, None, :])
        self.register_buffer("y", torch.arange(FIRST, PIXELS, dtype=torch.float32)[None, :, None])
        self.register_buffer("wider", spread(PIXELS).T.contiguous())
        self.register_buffer("taller", spread(PIXELS - FIRST))

    def forward(self, pixels, shape, mouth, teeth, prompt):
        s, m, p = split(shape[:, :, None], SHAPE), split(mouth[:, :, None], MOUTH), pose_of(prompt)
        half = s["half"]
        contours = s["tables"].reshape(-1, 4, TABLE) * half
        base = neutral(s, contours, m, self.coarse_t)
        new = outlines(s, contours, s["beyond"].reshape(-1, 2, TABLE) * half, base, p, self.coarse_t)
        fine = torch.matmul(torch.cat([new[k] for k in EDGES], 1), self.finer)
        spare = (PIXELS - 1 - s["center"][:, 1:] - s["chin"] * s["axis"][:, :1]).clamp(min=4)

        face = torch.cat([pixels[:, :FIRST], self.outer(pixels, fine, s, new, spare)], 1).reshape(-1, 3)
        face = self.lips(face, pixels, fine, s, p, new, spare)
        face = self.inside(face, fine, s, m, p, base, new, teeth)
        return face.reshape(-1, PIXELS, PIXELS, 3)

    def outer(self, pixels, fine, s, new, spare):
        """Everything below FIRST, the lips roughly: u8 [N,152,256,3]."""
        px, py = self.cells
        x, y = to_mouth(s, px, py)
        x = sideways(s, new, x, y)
        c = edge_profiles(read_along(fine, x, s["half"]), x / s["half"], s, new, spare)
        up, low, lower, _ = heights(c, y, PIXELS - 1 - py, s, new, spare)
        x, y = to_crop(s, x, up + (low - up) * lower)
        moved = torch.cat([x - px, y - py], 1).reshape(-1, 2, (PIXELS - FIRST) // STEP, PIXELS // STEP)
        dx, dy = (self.taller @ moved @ self.wider).unbind(1)
        planes = read_pixels(pixels, self.x + dx, self.y + dy)
        return rows_of(planes + 0.5).reshape(-1, PIXELS - FIRST, PIXELS, 3)

    def lips(self, face, pixels, fine, s, p, new, spare):
        """Draws the box around the lips, and what they throw on the chin."""
        above = new["over"].amin(2, keepdim=True) - MARGIN
        below = new["under"].amax(2, keepdim=True) + SHADOW * new["unit"] + MARGIN
        px, py = box(s, ASIDE * torch.maximum(s["half"], new["half"]) + MARGIN, above, below)
        x, y = to_mouth(s, px, py)
        x = sideways(s, new, x, y)
        edges = fine.split(1, 1)
        profiles = edge_profiles(edges, self.t, s, new, spare) | lip_profiles(edges, self.t, s, p, new)
        c = read_profiles(profiles, x, s["half"])
        up, low, lower, off = heights(c, y, PIXELS - 1 - py, s, new, spare)
        # The dark corners of an open source mouth are covered from above and below when the mouth closes.
        corner = c["corner"] * torch.exp(off * off * (-1 / 25))
        up, low = (read_pixels(pixels, *to_crop(s, x, at)) for at in (up - corner, low + corner))

        # Protruding lips: a highlight on the lower lip, its shadow on the chin.
        g = y - c["bottom"]
        along = g * c["per_low"] * (1 / 0.22) - 0.40 / 0.22
        g = (g - c["thick"]) * (1 / new["unit"])
        shadow = ramp(g, -1 / new["unit"], 0.06) * (1 - ramp(g, 0.06, SHADOW))
        light = torch.exp(-(along * along)) * c["glow"] - shadow * c["shade"] + 1
        # Contact line where a source opening was closed or the lips are pressed.
        dark = light * c["line"] * torch.exp(off * off * (-1 / 1.3**2))
        light = light - torch.tensor(LINE)[:, None, None, None] * dark
        return put(face, px, py, (up + (low - up) * lower) * light)

    def inside(self, face, fine, s, m, p, base, new, teeth):
        """Draws what is seen between the lips."""
        closed = 1e3 * (new["hole"] <= 0.2)
        above = torch.minimum((new["top"] + closed).amin(2, keepdim=True), base["line0"]) - MARGIN
        below = torch.maximum((new["bottom"] - closed).amax(2, keepdim=True), base["line0"]) + MARGIN
        px, py = box(s, new["reach"] * torch.maximum(s["half"], new["half"]) + MARGIN, above, below)
        x, y = to_mouth(s, px, py)
        c = read_profiles(inside_profiles(fine.split(1, 1), self.t, p, new), sideways(s, new, x, y), s["half"])
        # 2.5 px of edge: a face of 100 px is pasted at less than half this size, and a sharper edge would not survive.
        deep = y - c["top"]
        mask = (deep * 0.4 + 0.5).clamp(0, 1) * ((c["bottom"] - y) * 0.4 + 0.5).clamp(0, 1) * c["seen"]
        drawn = draw_inside(c, s, m, p, base, new, teeth, x, y, deep) * 255
        lips = planes_of(face, places(px, py).int()).float()
        return put(face, px, py, lips + (drawn - lips) * mask)


def read_profiles(profiles, x, half):
    """{name: [N,1,FINE]} at x [N,h,w] px -> {name: [N,h,w]}"""
    tables = torch.cat(torch.broadcast_tensors(*profiles.values()), 1)
    return dict(zip(profiles, read_along(tables, x, half), strict=True))


def spread(size):
    """[size, size/STEP] matrix of linear interpolation from the middles of cells, the ends replicated"""
    one = torch.eye(size // STEP)[None]
    return nn.functional.interpolate(one, scale_factor=STEP, mode="linear", align_corners=False)[0].T.contiguous()


def box(s, aside, above, below):
    """Columns [N,1,w] and rows [N,h,1] of boxes of one size around a turned one: mouth frame px, `aside` to both sides."""
    (ex, ey), (cx, cy) = s["axis"].split(1, 1), s["center"].split(1, 1)
    middle, tall = (below + above) / 2, (below - above) / 2
    width = (2 * (aside * ex.abs() + tall * ey.abs())).amax().ceil().clamp(8, PIXELS)
    height = (2 * (aside * ey.abs() + tall * ex.abs())).amax().ceil().clamp(8, PIXELS - FIRST)
    left = torch.minimum((cx - middle * ey - width / 2).round().clamp(min=0), PIXELS - width)
    top = torch.minimum((cy + middle * ex - height / 2).round().clamp(min=FIRST), PIXELS - height)
    return left + torch.arange(width), top + torch.arange(height)[:, None]


def places(px, py):
    """Row numbers i64 [N,h,w] of a box's pixels among those of all faces."""
    return py.long() * PIXELS + px.long() + torch.arange(px.shape[0])[:, None, None] * (PIXELS * PIXELS)


def put(face, px, py, planes):
    """Lays a box of planes f32 [3,N,h,w], 0..255, into the faces u8 [N*256*256,3]."""
    return put_rows(face, places(px, py).reshape(-1, 1), rows_of((planes + 0.5).clamp(0, 255)))


def rows_of(planes):
    """f32 [3,N,h,w] -> u8 [N*h*w,3]"""
    return planes.to(torch.uint8).reshape(3, -1).T


def build(out: Path, cache: Path) -> None:
    del cache
    example = (torch.zeros(2, 256, 256, 3, dtype=torch.uint8), torch.rand(2, size(SHAPE)) + 1,
               torch.rand(1, size(MOUTH)), torch.rand(1, FINER * ROWS, FINER * COLUMNS, 4), torch.rand(2, 10, 8))
    export(Generate(), example, out / "generate.onnx", ["pixels", "shape", "mouth", "teeth", "prompt"], ["face"],
           ["pixels", "shape", "prompt", "face"])
