"""`generate`: redraws the mouth of a source frame in the pose the prompt asks for.

The lips are two moving pictures (an upper and a lower field of displacements of the source pixels), the
opening between them shows the person's teeth, fixed to the head, over a drawn mouth cavity and tongue.
"""

import sys
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))
from generate_inside import draw_inside
from generate_pose import neutral, outlines, pose_of
from mouth_export import export
from mouth_geometry import abscissae, fast_tables, finer, ramp, read_image
from mouth_state import COLUMNS, FINER, MOUTH, ROWS, SHAPE, TABLE, size, split

LICENCE = "same as the product"
ORIGIN = "own: geometry and drawing, no trained weights"

FIRST = 104  # rows above are never touched
PIXELS = 256


def cell(v):
    """[N,1] -> [N,1,1]"""
    return v[:, :, None]


class Generate(nn.Module):
    """pixels u8 [N,256,256,3], shape [N,S], mouth [1,M], teeth [1,4R,4C,4], prompt [N,10,8] -> face u8"""

    def __init__(self):
        super().__init__()
        self.register_buffer("t", abscissae())
        self.register_buffer("line", torch.tensor([0.32, 0.40, 0.38])[None, :, None, None])  # darker, and a little red
        self.register_buffer("finer", finer(TABLE, 16))
        rows = torch.arange(FIRST, PIXELS, dtype=torch.float32)
        columns = torch.arange(PIXELS, dtype=torch.float32)
        self.register_buffer("py", rows[None, :, None])
        self.register_buffer("px", columns[None, None, :])

    def forward(self, pixels, shape, mouth, teeth, prompt):
        s, m, p = split(shape, SHAPE), split(mouth, MOUTH), pose_of(prompt)
        half = s["half"]
        tables = s["tables"].reshape(-1, 4, TABLE) * half[:, :, None]
        base = neutral(s, tables, m, self.t)
        new = outlines(s, tables, s["beyond"].reshape(-1, 2, TABLE) * half[:, :, None], base, p, self.t)

        # Place of every target pixel in the mouth frame, px.
        ex, ey = cell(s["axis"][:, :1]), cell(s["axis"][:, 1:])
        dx, dy = self.px - cell(s["centre"][:, :1]), self.py - cell(s["centre"][:, 1:])
        x = dx * ex + dy * ey
        y = dy * ex - dx * ey

        # Sideways: the corners go to their new places, the cheeks follow less and less up to the jaw line.
        width = cell(new["half"])
        far = torch.where(x < 0, -cell(s["left"]), cell(s["right"]))
        room = torch.maximum(far - width, 0.45 * width)
        out = ((x.abs() - width) / room).clamp(0, 1)
        fade = (1 - out) * (1 - out) * (1 + 2 * out)
        follow = torch.minimum(x.abs() / width, fade) * torch.sign(x)
        level = torch.exp(-(((y / cell(new["unit"]) - 0.05) / 0.85) ** 2))
        source_x = x + (cell(half) - width) * follow * level

        t = source_x / cell(half)
        names = ("top", "bottom", "over", "under", "from_top", "from_bottom", "from_over", "from_under", "hole")
        top, bottom, over, under, f_top, f_bottom, f_over, f_under, hole = fast_tables(
            torch.stack([new[k] for k in names], 1), t, self.finer)
        aside = torch.exp(-(((t.abs() - 0.95).clamp(min=0) / 0.5) ** 2))

        # Upper lip and the skin up to the nose base.
        along = (y - over) / (top - over).clamp(min=0.7)
        lip = f_over + along.clamp(max=1.0) * (f_top - f_over)
        reach = torch.maximum(over - cell(s["nose"]), 0.3 * cell(new["unit"]))
        k = ((over - y) / reach).clamp(0, 1)
        k = 0.5 * (1 - k) + 0.5 * (1 - k) * (1 - k) * (1 + 2 * k)
        skin = y + (f_over - over) * k
        y_up = torch.where(y > over, lip, skin)
        y_up = y + (y_up - y) * aside

        # Lower lip, chin and the neck below.
        along_low = (y - bottom) / (under - bottom).clamp(min=0.7)
        lip = f_bottom + along_low.clamp(min=0.0) * (f_under - f_bottom)
        spare = (PIXELS - 1 - cell(s["centre"][:, 1:]) - cell(s["chin"]) * ex).clamp(min=4)
        drop = torch.minimum(cell(new["jaw"]), 0.6 * spare)
        drop = drop * torch.exp(-(((t.abs() - 0.55).clamp(min=0) / 0.95) ** 2))
        chin = torch.maximum(cell(s["chin"]) + drop, under + 0.4 * cell(new["unit"]))
        k = ((y - under) / (chin - under)).clamp(0, 1)
        k = k * k * (3 - 2 * k)
        moved = (f_under - under) * (1 - k) * aside - drop * k
        k = ((y - chin) / torch.maximum(spare, 0.55 * cell(new["unit"]))).clamp(0, 1)
        moved = moved * (1 - k)
        moved = moved * (0.5 * ((PIXELS - 1 - self.py) / 20).clamp(0, 1) + 0.5 * ramp(PIXELS - 1 - self.py, 0.0, 20.0))
        y_low = torch.where(y < under, y + (lip - y) * aside, y + moved)

        # One picture each, joined along the mouth line; outside the corners they melt into one.
        middle = (top + bottom) / 2
        hard = 4.0 * (1 - ramp(t.abs(), 0.85, 1.2)) + 0.25
        lower = torch.sigmoid((y - middle) * hard)
        melt = ramp(t.abs(), 0.9, 1.2)
        blend = y_up + (y_low - y_up) * torch.sigmoid((y - middle) * 14 / cell(half))
        y_up = y_up + (blend - y_up) * melt
        y_low = y_low + (blend - y_low) * melt

        # The dark corners of an open source mouth are covered from above and below when the mouth closes.
        corner = ramp(t.abs(), 0.75, 0.95) * (1 - ramp(t.abs(), 1.0, 1.2)) * torch.exp(-(((y - middle) / 5) ** 2))
        corner = corner * cell(1.8 * ramp(s["gap"], 2.0, 8.0) * (1 - ramp(new["o"], 0.15, 0.45)))
        y_up, y_low = y_up - corner, y_low + corner

        image = pixels.permute(0, 3, 1, 2).float()
        cx, cy = cell(s["centre"][:, :1]), cell(s["centre"][:, 1:])
        above = read_image(image, cx + source_x * ex - y_up * ey, cy + source_x * ey + y_up * ex)
        below = read_image(image, cx + source_x * ex - y_low * ey, cy + source_x * ey + y_low * ex)
        face = above + (below - above) * lower[:, None]

        # Contact line where a source opening was closed or the lips are pressed.
        drawn = torch.maximum(ramp(s["gap"], 0.0, 7.0), 0.7 * p["press"].clamp(0, 1))
        dark = torch.exp(-(((y - middle) / 1.3) ** 2)) * (1 - ramp(t.abs(), 0.6, 1.0)) * (1 - ramp(hole, 0.3, 1.5))
        face = face * (1 - self.line * (cell(drawn) * dark)[:, None])

        # Protruding lips: a highlight on the lower lip, its shadow on the chin.
        full = torch.exp(-(((along_low - 0.40) / 0.22) ** 2) - (t / 0.45) ** 2)
        shadow = ramp(y - under, -1.0, 0.06 * cell(new["unit"])) * (1 - ramp((y - under) / cell(new["unit"]), 0.06, 0.30))
        shadow = shadow * torch.exp(-((t / 0.6) ** 2))
        face = face * (1 + cell(p["round"].clamp(0, 1)) * (0.10 * full - 0.10 * shadow))[:, None]

        inside = draw_inside(s, m, p, base, new, teeth, x, y, t, top, bottom, hole) * 255
        # 2.5 px of edge: a face of 100 px is pasted at less than half this size, and a sharper edge would not survive.
        mask = ((y - top) * 0.4 + 0.5).clamp(0, 1) * ((bottom - y) * 0.4 + 0.5).clamp(0, 1) * ramp(hole, 0.2, 1.8)
        face = face + (inside - face) * mask[:, None]
        done = (face + 0.5).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
        return torch.cat([pixels[:, :FIRST], done], 1)


def build(out: Path, cache: Path) -> None:
    del cache
    example = (torch.zeros(2, 256, 256, 3, dtype=torch.uint8), torch.rand(2, size(SHAPE)) + 1,
               torch.rand(1, size(MOUTH)), torch.rand(1, FINER * ROWS, FINER * COLUMNS, 4), torch.rand(2, 10, 8))
    export(Generate(), example, out / "generate.onnx", ["pixels", "shape", "mouth", "teeth", "prompt"], ["face"],
           ["pixels", "shape", "prompt", "face"])
