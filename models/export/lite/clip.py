"""`clip`: what is true of the whole clip: the person's neutral mouth and the person's own upper teeth."""

import sys
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))
from mouth.export import export
from mouth.geometry import ramp, read_image, read_tables
from mouth.state import ACROSS, BOTTOM, COLUMNS, DOWN, FINER, ROWS, SHAPE, TABLE, TOP, UP, size, split
from mouth.teeth import draw

LICENSE = "same as the product"
ORIGIN = "own: geometry and statistics, no trained weights"

# On closed mouths the lip line lies about .40 of `rise` below the nose base; a smile that closes stays higher.
LINE = 0.365
LUMA = (0.299, 0.587, 0.114)


def luma(rgb, dim=1):
    r, g, b = rgb.split(1, dim)
    return LUMA[0] * r + LUMA[1] * g + LUMA[2] * b


def median(values, weight):
    """Weighted median over the frames: values [F,K], weight [F,1] -> [1,K]"""
    ordered, index = torch.sort(values, 0)
    part = torch.cumsum(weight[:, 0][index], 0)
    passed = (part < 0.5 * part[-1:]).to(torch.int64).sum(0, keepdim=True)
    return torch.gather(ordered, 0, passed)


def share(up, gap, nose, line, rise, low=0.15, high=0.75):
    """Where the lips would meet, as a share of the opening below the upper lip, all [F,1] px.

    A smile lifts the upper lip off the teeth (the lips meet low), a dropped jaw leaves it in place (they
    meet high): the distance from the nose base tells the two apart.
    """
    return ((line * rise + nose - up) / gap.clamp(min=0.5)).clamp(low, high)


def middle_of(tables, s):
    """The tables [F,4,T] read at the philtrum -> [F,4] half widths"""
    return torch.cat(read_tables(tables, (s["middle"] / s["half"])[:, :, None]), 1)[:, :, 0]


def below(x):
    """Largest value in or above each row: [F,1,R,C]"""
    for step in (1, 2, 4, 8, 16, 32):
        x = torch.maximum(x, torch.cat([torch.zeros_like(x[:, :, :step]), x[:, :, :-step]], 2))
    return x


def above(x):
    """Largest value in or below each row"""
    for step in (1, 2, 4, 8, 16, 32):
        x = torch.maximum(x, torch.cat([x[:, :, step:], torch.zeros_like(x[:, :, :step])], 2))
    return x


def enlarge(count):
    """[FINER*count, count] matrix of bicubic interpolation"""
    one = torch.eye(count)[None, None]
    return nn.functional.interpolate(one, size=(FINER * count, count), mode="bicubic", align_corners=False)[0, 0]


def soften(matrix):
    """Each column of [FINER*count, count] blurred by about one entry of the coarse grid: two boxes"""
    lines = matrix.T[None]
    for _ in range(2):
        lines = nn.functional.avg_pool1d(nn.functional.pad(lines, (FINER, FINER), "replicate"), 2 * FINER + 1, 1)
    return lines[0].T.contiguous()


class Clip(nn.Module):
    """shape f32 [F,S], inside u8 [F,4,R,C] -> mouth f32 [1,M], teeth f32 [1,4R,4C,4]"""

    def __init__(self):
        super().__init__()
        column = (torch.arange(COLUMNS) + 0.5) / COLUMNS * 2 - 1
        row = (torch.arange(ROWS) + 0.5) / ROWS
        self.register_buffer("u", (column * ACROSS)[None, None, None, :])
        self.register_buffer("v", (TOP + row * (BOTTOM - TOP))[None, None, :, None])
        self.register_buffer("r", (UP + row * (DOWN - UP))[None, :, None])
        self.register_buffer("drawn", torch.from_numpy(draw())[None])
        # Weight of row j for filling row i: only rows at or below, the nearest first.
        d = torch.arange(ROWS)[None, :] - torch.arange(ROWS)[:, None]
        self.register_buffer("filling", torch.where(d >= 0, torch.exp(-d.float() / 2.0), torch.zeros(())))

        # Enlarging by FINER as two matrices: on one core ten times as fast as the Resize operator.
        self.register_buffer("taller", enlarge(ROWS))
        self.register_buffer("wider", enlarge(COLUMNS).T.contiguous())
        self.register_buffer("softly_taller", soften(enlarge(ROWS)))
        self.register_buffer("softly_wider", soften(enlarge(COLUMNS)).T.contiguous())

    def forward(self, shape, inside):
        s = split(shape, SHAPE)
        tables = s["tables"].reshape(-1, 4, TABLE)
        rise, half = s["rise"], s["half"]
        gap = s["gap"] / rise
        least = torch.sort(gap, 0)[0]
        least = least[(least.shape[0] - 1) // 8 : (least.shape[0] - 1) // 8 + 1]  # nearly the smallest: one bad frame may lie
        weight = torch.exp(-((gap - least).clamp(min=0) / 0.03) ** 2)
        trust = 1 - ramp(median(gap, weight), 0.03, 0.10)

        width = median(s["half"] / s["eyes"], weight)
        # A clip that only smiles: go part of the way back to the usual width.
        width = torch.where(width > 0.30, 0.30 + (0.45 + 0.25 * trust) * (width - 0.30), width)
        width = torch.where(width < 0.27, width + 0.5 * (1 - trust) * (0.27 - width), width)

        up, low, _, _ = (middle_of(tables, s) * half).split(1, 1)
        part = share(up, low - up, s["nose"], torch.full_like(rise, LINE), rise, 0.2, 0.55)
        line_px = up + part * (low - up)
        line = median((line_px - s["nose"]) / rise, weight)
        corner = median(-s["nose"] / rise, weight)
        scale = half / rise
        upper = median((tables[:, 0] - tables[:, 2]) * scale, weight)
        lower = median((tables[:, 3] - tables[:, 1]) * scale, weight)
        arch = median((tables[:, 0] + part * (tables[:, 1] - tables[:, 0])) * scale, weight)

        teeth, skin = self.teeth(s, inside.float() / 255, (line_px - s["nose"]) / rise)
        mouth = torch.cat([width, line, corner, upper, lower, arch, trust, skin], 1)
        return mouth, teeth

    def teeth(self, s, inside, line):
        """Teeth of the frame that shows the most of them; `line` [F,1]: closed line below the nose / rise."""
        rgb, valid = inside[:, :3], inside[:, 3:]
        skin = s["skin"]
        bright = luma(rgb) / luma(skin)[:, :, None, None].clamp(min=0.02)
        red = rgb[:, :1] / rgb.sum(1, keepdim=True).clamp(min=0.02)
        skin_red = (skin[:, :1] / skin.sum(1, keepdim=True).clamp(min=0.02))[:, :, None, None]
        lip_red = (s["lip"][:, :1] / s["lip"].sum(1, keepdim=True).clamp(min=0.02))[:, :, None, None]
        # Teeth are less red than the person's skin and not dark; lips, gums, tongue are redder.
        pale = (lip_red - red) / (lip_red - skin_red).clamp(min=0.025)
        tooth = valid * ramp(pale, 0.6, 1.2) * ramp(bright, 0.28, 0.50)
        r = self.v - line[:, :, None, None]
        near = 1 - ramp(r, 0.075, 0.11)  # below that they can only be lower teeth
        tooth = tooth * near
        # Going down a column: once there was tooth and then clearly none, what follows is lower teeth or tongue.
        tooth = tooth * (1 - below(below(tooth) * valid * (1 - ramp(tooth, 0.05, 0.35))))
        front = (1 - ramp(self.u.abs(), 0.13, 0.20))
        area = (tooth * front).sum((1, 2, 3))
        column = ramp(tooth.sum(2, keepdim=True), 1.5, 3.5)  # columns with at least about 3 rows of tooth
        cover = (column * front).sum((1, 2, 3)) / front.sum()
        height = area / (column * front).sum((1, 2, 3)).clamp(min=1)
        edge = luma(rgb)
        grain = ((edge[:, :, :, 1:] - edge[:, :, :, :-1]).abs() * tooth[:, :, :, 1:]).sum((1, 2, 3)) / area.clamp(min=1)
        turned = ((s["middle"] / s["eyes"]).abs())[:, 0]
        worth = area * (0.05 + grain) * torch.exp(-((turned / 0.10) ** 2)) * (0.3 + cover)
        best = torch.argmax(worth, 0, keepdim=True)

        rgb, tooth, valid = rgb[best], tooth[best], valid[best]
        lit = skin[best]
        trust = (ramp(cover[best], 0.58, 0.66) * ramp(height[best], 2.8, 3.4))[:, None, None, None]
        # Fill upwards: what the lip hid is taken from the tooth below it.
        weight = tooth * valid + 1e-5
        filled = torch.matmul(self.filling, rgb * weight) / torch.matmul(self.filling, weight)
        # Covered where there is tooth in or below this row, gaps between teeth closed; the sides end softly.
        seen = above(tooth)
        seen = -nn.functional.max_pool2d(-nn.functional.max_pool2d(seen, (1, 9), 1, (0, 4)), (1, 9), 1, (0, 4))
        seen = nn.functional.avg_pool2d(nn.functional.pad(seen, (2, 2, 1, 1), "replicate"), (3, 5), 1)
        keep = seen * -nn.functional.max_pool2d(-valid, (5, 1), 1, (2, 0))
        own = rgb * keep + filled * (1 - keep)
        seen = torch.minimum(seen, nn.functional.avg_pool2d(seen, (1, 7), 1, (0, 3)) * 1.6)
        own = self.place(torch.cat([own, seen], 1), line[best])

        whole = torch.sort(luma(skin), 0)[1]
        usual = skin[whole[(whole.shape[0] - 1) // 2 : (whole.shape[0] - 1) // 2 + 1, 0]]
        light = luma(usual)
        # The color of the light, as far as the skin's differs from an average skin.
        tint = (usual / light.clamp(min=0.02) / torch.tensor([[1.235, 0.926, 0.77]])).clamp(0.5, 2.0)
        tint = tint ** (0.4 + 0.4 * ramp(tint[:, :1], 1.0, 1.15))  # warm light more: pale skin is merely overexposed
        white = torch.tensor([[1.0, 0.93, 0.825]]) * tint * (0.15 + 0.80 * light).clamp(max=0.92)
        # The person's own tooth color where enough is seen, even if too little to copy the teeth.
        color = (rgb * tooth * front).sum((2, 3)) / (tooth * front).sum((2, 3)).clamp(min=1e-3)
        known = ramp(area[best], 12.0, 40.0)[:, None] * ramp(luma(color) / luma(lit).clamp(min=0.02), 0.62, 0.80)
        gain = usual / lit.clamp(min=0.02)
        white = white + known * (color * gain * 1.08 - white)
        drawn = torch.cat([self.drawn[:, :3] * white[:, :, None, None], self.drawn[:, 3:]], 1)
        # Front teeth that were not recognized (shadow, turned head) are drawn in the color of the others.
        missing = (1 - own[:, 3:].amax(2, keepdim=True)) * (1 - ramp(self.u.abs(), 0.14, 0.20))
        others = self.drawn[:, :3] * (color * gain * 0.85)[:, :, None, None]
        covered = (own[:, 3:] + missing * self.drawn[:, 3:]).clamp(max=1)
        own_rgb = others + (own[:, :3] * gain[:, :, None, None] - others) * own[:, 3:]
        own = torch.cat([own_rgb, covered], 1)
        return self.finer(drawn + trust * (own - drawn)).permute(0, 2, 3, 1), usual

    def finer(self, teeth):
        """[1,4,R,C] -> FINER times as fine, the edge soft: a sharp or ragged one flickers on every move of the head."""
        sharp = torch.matmul(torch.matmul(self.taller, teeth), self.wider).clamp(0, 1)
        covered = torch.cat([teeth[:, :3] * teeth[:, 3:], teeth[:, 3:]], 1)
        soft = torch.matmul(torch.matmul(self.softly_taller, covered), self.softly_wider).clamp(0, 1)
        cover = soft[:, 3:]
        rgb = soft[:, :3] / cover.clamp(min=1e-3)
        rgb = rgb + (sharp[:, :3] - rgb) * (0.8 * sharp[:, 3:] * ramp(cover, 0.5, 1.0))
        return torch.cat([rgb.clamp(0, 1), cover], 1)

    def place(self, picture, line):
        """From rows below the nose base to rows around the closed line: [1,4,R,C]"""
        y = ((self.r + line[:, :, None] - TOP) / (BOTTOM - TOP) * ROWS - 0.5).expand(1, ROWS, COLUMNS)
        x = torch.arange(COLUMNS, dtype=torch.float32)[None, None, :].expand(1, ROWS, COLUMNS)
        return read_image(picture, x, y)


def build(out: Path, cache: Path) -> None:
    del cache
    example = (torch.rand(5, size(SHAPE)), torch.zeros(5, 4, ROWS, COLUMNS, dtype=torch.uint8))
    export(Clip(), example, out / "clip.onnx", ["shape", "inside"], ["mouth", "teeth"], ["shape", "inside"])
