"""The inside of the mouth: cavity, tongue, and the teeth of the clip. RGB 0..1."""

import torch
from mouth_geometry import ramp, rows_of
from mouth_state import ACROSS, COLUMNS, DOWN, FINER, ROWS, UP


def cell(v):
    return v[:, :, None]


def colour(rgb, light):
    """constant RGB times a brightness [N,1] or a colour [N,3] -> [N,3,1,1]"""
    return (torch.tensor([rgb]) * light)[:, :, None, None]


def teeth_at(teeth, u, r):
    """teeth [1,FR,FC,4] at u (per eyes) and r (per rise), both [N,h,w] -> RGB [N,3,h,w], coverage [N,1,h,w]"""
    rows, columns = FINER * ROWS, FINER * COLUMNS
    px = ((u * (0.5 / ACROSS) + 0.5) * columns).clamp(0, columns - 1).to(torch.int64)
    py = ((r - UP) * (rows / (DOWN - UP))).clamp(0, rows - 1).to(torch.int64)
    planes = rows_of(teeth.reshape(-1, 4), py * columns + px).unbind(-1)
    return torch.stack(planes[:3], 1), planes[3][:, None]


def draw_inside(s, m, p, base, new, teeth, x, y, t, top, bottom, hole):
    """All of [N,h,w]: x, y px in the mouth frame, t along the mouth, the lips' edges and the opening."""
    unit = cell(new["unit"])
    light = 0.299 * s["skin"][:, :1] + 0.587 * s["skin"][:, 1:2] + 0.114 * s["skin"][:, 2:]
    # Flesh takes on the colour of the light, as far as the skin's differs from an average skin.
    tint = (s["skin"] / light.clamp(min=0.02) / torch.tensor([[1.235, 0.926, 0.77]])).clamp(0.4, 2.5) ** 0.6
    deep = ((y - top) / hole.clamp(min=1)).clamp(0, 1)
    side = (t / cell(new["reach"])).abs().clamp(0, 1)

    # Not black: under bright teeth that is what flickers most, and what looks cut out.
    rgb = colour((0.475, 0.18, 0.16), (0.30 + 0.70 * light) * tint) * (0.45 + 0.55 * deep)[:, None]

    # Tongue: rises from below with a soft, rounded top.
    tall = cell(0.40 + 0.40 * p["tongue"].clamp(0, 1)) * cell(new["o"].clamp(max=1)).clamp(min=0.2) ** 0.25
    crown = tall * (1 - (side / 0.92) ** 2).clamp(min=0) ** 0.5
    body = ramp(deep - (1 - crown), -0.06, 0.10)
    flesh = colour((0.62, 0.29, 0.28), (0.30 + 0.78 * light) * tint) * (0.66 + 0.34 * ramp(deep - (1 - crown), 0.0, 0.35))[:, None]
    flesh = flesh * (1 - 0.35 * torch.exp(-((t / 0.05) ** 2)) * (1 - deep))[:, None]
    rgb = rgb + (flesh - rgb) * body[:, None]

    gain = (s["skin"] / m["tooth"].clamp(min=0.02)).clamp(0.4, 2.5)[:, :, None, None]
    u = (x - cell(s["middle"])) / cell(s["eyes"])
    warm = torch.tensor([1.0, 1.18, 1.22])[None, :, None, None]  # light from between the lips is reddish
    # Rounded lips keep the light off the teeth.
    dim = (1 - 0.45 * side**3)[:, None] * (1 - warm * (0.36 * p["round"].clamp(0, 1))[:, :, None, None])
    # Lower teeth ride on the jaw; seen a little when the mouth is wide open or the teeth are together.
    rest = cell(base["line0"]) + 0.70 * cell(new["gap"])
    low, over_low = teeth_at(teeth, u * 1.45, 0.035 - (y - rest + 0.08 * unit) / cell(s["rise"]))
    show = cell((0.6 * p["teeth"].clamp(0, 1) + 0.35 * ramp(p["open"], 0.35, 0.8) * (1 - p["round"].clamp(0, 1))).clamp(max=0.8))
    rgb = rgb + (low * gain * 0.72 * dim - rgb) * over_low * show[:, None]

    # Upper teeth: fixed to the head, in the lip's shadow at the top; rounded lips reach over them.
    behind = cell(base["line0"]) - 0.07 * unit * cell(p["round"].clamp(0, 1))
    high, over_high = teeth_at(teeth, u, (y - behind) / cell(s["rise"]))
    shade = 1 - ramp((y - top) / unit, 0.0, 0.08)
    high = high * gain * dim * (1 - 0.13 * warm * shade[:, None])
    rgb = rgb + (high - rgb) * over_high

    # Soft shadow along both lips.
    near = torch.minimum(y - top, bottom - y).clamp(min=0)
    return rgb * (0.90 + 0.10 * ramp(near, 0.0, 2.0))[:, None]
