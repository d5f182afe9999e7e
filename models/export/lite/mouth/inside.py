"""The inside of the mouth: cavity, tongue, and the teeth of the clip. RGB 0..1."""

import torch
from mouth.geometry import planes_of, ramp
from mouth.state import ACROSS, COLUMNS, DOWN, FINER, ROWS, UP


def color(rgb, light):
    """constant RGB times a brightness [N,1,1] or a color [N,3,1] -> [3,N,1,1]"""
    return (torch.tensor(rgb)[:, None] * light).transpose(0, 1)[..., None]


def teeth_at(teeth, u, r):
    """teeth [1,FR,FC,4] at u (per eyes) and r (per rise), both [N,h,w] -> RGB [3,N,h,w], coverage [N,h,w]"""
    rows, columns = FINER * ROWS, FINER * COLUMNS
    px = (u * (0.5 / ACROSS * columns) + 0.5 * columns).clamp(0, columns - 1).int()
    py = (r * (rows / (DOWN - UP)) - UP * (rows / (DOWN - UP))).clamp(0, rows - 1).int()
    planes = planes_of(teeth.reshape(-1, 4), py * columns + px)
    return planes[:3], planes[3]


def draw_inside(c, s, m, p, base, new, teeth, x, y, deep):
    """c: the tables of every pixel; all of [N,h,w]: x, y px in the mouth frame, `deep` px below the upper lip -> f32 [3,N,h,w]."""
    unit = new["unit"]
    light = 0.299 * s["skin"][:, :1] + 0.587 * s["skin"][:, 1:2] + 0.114 * s["skin"][:, 2:]
    # Flesh takes on the color of the light, as far as the skin's differs from an average skin.
    tint = (s["skin"] / light.clamp(min=0.02) / torch.tensor([1.235, 0.926, 0.77])[:, None]).clamp(0.4, 2.5) ** 0.6
    part = (deep * c["per_hole"]).clamp(0, 1)

    # Not black: under bright teeth that is what flickers most, and what looks cut out.
    rgb = color((0.475, 0.18, 0.16), (0.30 + 0.70 * light) * tint) * (0.45 + 0.55 * part)

    # Tongue: rises from below with a soft, rounded top.
    risen = part + c["crown"] - 1
    shine = (0.66 + 0.34 * ramp(risen, 0.0, 0.35)) * (1 - c["groove"] * (1 - part))
    flesh = color((0.62, 0.29, 0.28), (0.30 + 0.78 * light) * tint) * shine
    rgb = rgb + (flesh - rgb) * ramp(risen, -0.06, 0.10)

    gain = (s["skin"] / m["tooth"].clamp(min=0.02)).clamp(0.4, 2.5).transpose(0, 1)[..., None]
    u = (x - s["middle"]) / s["eyes"]
    warm = torch.tensor([1.0, 1.18, 1.22])[:, None, None, None]  # light from between the lips is reddish
    # Rounded lips keep the light off the teeth.
    lit = gain * (1 - warm * (0.36 * p["round"].clamp(0, 1)))
    # Lower teeth ride on the jaw; seen a little when the mouth is wide open or the teeth are together.
    rest = base["line0"] + 0.70 * new["gap"]
    low, over_low = teeth_at(teeth, u * 1.45, 0.035 - (y - rest + 0.08 * unit) / s["rise"])
    show = (0.6 * p["teeth"].clamp(0, 1) + 0.35 * ramp(p["open"], 0.35, 0.8) * (1 - p["round"].clamp(0, 1))).clamp(max=0.8)
    rgb = rgb + (low * (0.72 * lit) * c["dim"] - rgb) * (over_low * show)

    # Upper teeth: fixed to the head, in the lip's shadow at the top; rounded lips reach over them.
    behind = base["line0"] - 0.07 * unit * p["round"].clamp(0, 1)
    high, over_high = teeth_at(teeth, u, (y - behind) / s["rise"])
    shade = 1 - ramp(deep / unit, 0.0, 0.08)
    high = high * lit * (c["dim"] * (1 - 0.13 * warm * shade))
    rgb = rgb + (high - rgb) * over_high

    # Soft shadow along both lips.
    near = torch.minimum(deep, c["bottom"] - y).clamp(min=0)
    return rgb * (0.90 + 0.10 * ramp(near, 0.0, 2.0))
