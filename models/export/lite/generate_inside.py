"""The inside of the mouth: cavity, tongue, and the teeth of the clip. RGB 0..1."""

import torch
from mouth_geometry import ramp, read_image
from mouth_state import ACROSS, COLUMNS, DOWN, ROWS, UP


def cell(v):
    return v[:, :, None]


def colour(rgb, light):
    """constant RGB times a brightness [N,1] -> [N,3,1,1]"""
    return (torch.tensor([rgb]) * light)[:, :, None, None]


def teeth_at(teeth, u, r):
    """teeth [1,4,R,C] at u (per eyes) and r (per rise), both [N,h,w] -> [N,4,h,w]"""
    px = (u / ACROSS + 1) * 0.5 * COLUMNS - 0.5
    py = (r - UP) / (DOWN - UP) * ROWS - 0.5
    return read_image(teeth.expand(u.shape[0], -1, -1, -1), px, py)


def draw_inside(s, m, p, base, new, teeth, x, y, t, top, bottom, hole):
    """All of [N,h,w]: x, y px in the mouth frame, t along the mouth, the lips' edges and the opening."""
    unit = cell(new["unit"])
    light = 0.299 * s["skin"][:, :1] + 0.587 * s["skin"][:, 1:2] + 0.114 * s["skin"][:, 2:]
    deep = ((y - top) / hole.clamp(min=1)).clamp(0, 1)
    side = (t / cell(new["reach"])).abs().clamp(0, 1)

    rgb = colour((0.25, 0.095, 0.085), 0.30 + 0.70 * light) * (0.45 + 0.55 * deep)[:, None]

    # Tongue: rises from below with a soft, rounded top.
    tall = cell(0.34 + 0.42 * p["tongue"].clamp(0, 1)) * cell(new["o"].clamp(max=1)).clamp(min=0.2) ** 0.25
    crown = tall * (1 - (side / 0.92) ** 2).clamp(min=0) ** 0.5
    body = ramp(deep - (1 - crown), -0.06, 0.10)
    flesh = colour((0.60, 0.29, 0.28), 0.28 + 0.75 * light) * (0.62 + 0.38 * ramp(deep - (1 - crown), 0.0, 0.35))[:, None]
    flesh = flesh * (1 - 0.35 * torch.exp(-((t / 0.05) ** 2)) * (1 - deep))[:, None]
    rgb = rgb + (flesh - rgb) * body[:, None]

    gain = (s["skin"] / m["tooth"].clamp(min=0.02)).clamp(0.4, 2.5)[:, :, None, None]
    u = (x - cell(s["middle"])) / cell(s["eyes"])
    dim = (1 - 0.45 * side**3)[:, None]
    # Lower teeth ride on the jaw; seen a little when the mouth is wide open or the teeth are together.
    rest = cell(base["line0"]) + 0.70 * cell((new["o"] * 0.68) * new["unit"])
    low = teeth_at(teeth, u * 1.45, 0.035 - (y - rest + 0.11 * unit) / cell(s["rise"]))
    show = cell((0.6 * p["teeth"].clamp(0, 1) + 0.55 * ramp(p["open"], 0.35, 0.8) * (1 - p["round"].clamp(0, 1))).clamp(max=0.8))
    rgb = rgb + (low[:, :3] * gain * 0.72 * dim - rgb) * (low[:, 3] * show)[:, None]

    # Upper teeth: fixed to the head, in the lip's shadow at the top.
    high = teeth_at(teeth, u, (y - cell(base["line0"])) / cell(s["rise"]))
    shade = 0.80 + 0.20 * ramp((y - top) / unit, 0.0, 0.08)
    rgb = rgb + (high[:, :3] * gain * dim * shade[:, None] - rgb) * high[:, 3:]

    # Soft shadow along both lips.
    near = torch.minimum(y - top, bottom - y).clamp(min=0)
    return rgb * (0.86 + 0.14 * ramp(near, 0.0, 2.0))[:, None]
