"""Where every pixel of the new face comes from: displacements of an upper and a lower picture of the lips.

All that depends only on the place along the mouth is a profile, so that what is left for each pixel is little more than
its distance to a few edges. Shapes: numbers of a frame [N,1,1], profiles [N,1,T], pixels [N,h,w] or [N,1,P]; px of the
mouth frame.
"""

import torch
from mouth.geometry import entries, ramp
from mouth.state import SPAN, TABLE

ENTRIES = 512  # of a fine table, to each half mouth width; it is read to the nearest
FINE = int(2 * SPAN * ENTRIES)
EDGES = ("top", "bottom", "over", "under", "from_top", "from_bottom", "from_over", "from_under", "hole")
SHADOW = 0.30  # how far below the lower lip its shadow falls, in units


def fine_places():
    """[1,1,FINE] places along the mouth, -1 and 1 at the corners"""
    return torch.arange(FINE)[None, None] / ENTRIES - SPAN


def finer():
    """[TABLE,FINE] matrix of linear interpolation: tables @ it are fine ones"""
    place = (fine_places()[0] + SPAN) * ((TABLE - 1) / (2 * SPAN))
    return (1 - (place - torch.arange(TABLE)[:, None]).abs()).clamp(min=0)


def read_along(tables, x, half):
    """Fine tables [N,C,FINE] at x [N,h,w] px, half [N,1,1] px -> C tensors [N,h,w]; beyond the ends they go on"""
    return entries(tables, (x * (ENTRIES / half) + (SPAN * ENTRIES + 0.5)).clamp(0, FINE - 1).int())


def edge_profiles(edges, t, s, new, spare):
    """What the fields need to know along the mouth. edges: those of EDGES, t: the places, spare: px below the chin."""
    top, bottom, over, under, f_top, f_bottom, f_over, f_under, _ = edges
    far, unit = t.abs(), new["unit"]
    aside = torch.exp(-(((far - 0.95).clamp(min=0) / 0.5) ** 2))
    drop = torch.minimum(new["jaw"], 0.6 * spare) * torch.exp(-(((far - 0.55).clamp(min=0) / 0.95) ** 2))
    chin = torch.maximum(s["chin"] + drop, under + 0.4 * unit)
    thick = under - bottom
    per_low = 1 / thick.clamp(min=0.7)
    return {
        # Upper lip and the skin up to the nose base.
        "over": over, "per_up": 1 / (top - over).clamp(min=0.7), "rise_up": (f_top - f_over) * aside,
        "skin_up": 0.5 * (f_over - over) * aside, "aside": aside, "per_skin": 1 / torch.maximum(over - s["nose"], 0.3 * unit),
        # Lower lip, chin and the neck below.
        "bottom": bottom, "thick": thick, "per_low": per_low, "rise_low": (f_under - f_bottom) * per_low * aside,
        "edge_low": (f_bottom - bottom) * aside, "per_chin": 1 / (chin - under), "drop": drop, "chin": chin,
        # How the two are joined.
        "middle": (top + bottom) / 2, "hard": 4.25 - 4.0 * ramp(far, 0.85, 1.2), "melt": ramp(far, 0.9, 1.2),
    }


def lip_profiles(edges, t, s, p, new):
    """Where on the lips something is drawn or covered."""
    hole, far, round_ = edges[-1], t.abs(), p["round"].clamp(0, 1)
    corner = 1.8 * ramp(s["gap"], 2.0, 8.0) * (1 - ramp(new["o"], 0.15, 0.45))
    drawn = torch.maximum(ramp(s["gap"], 0.0, 7.0), 0.7 * p["press"].clamp(0, 1))
    return {
        "corner": corner * ramp(far, 0.75, 0.95) * (1 - ramp(far, 1.0, 1.2)),
        "line": drawn * (1 - ramp(far, 0.6, 1.0)) * (1 - ramp(hole, 0.3, 1.5)),
        "glow": 0.10 * round_ * torch.exp(-((t / 0.45) ** 2)), "shade": 0.10 * round_ * torch.exp(-((t / 0.6) ** 2)),
    }


def inside_profiles(edges, t, p, new):
    """What the inside of the mouth needs to know."""
    top, bottom, hole = edges[0], edges[1], edges[-1]
    side = (t / new["reach"]).abs().clamp(max=1)
    tall = (0.40 + 0.40 * p["tongue"].clamp(0, 1)) * new["o"].clamp(0.2, 1) ** 0.25
    return {
        "top": top, "bottom": bottom, "per_hole": 1 / hole.clamp(min=1), "seen": ramp(hole, 0.2, 1.8),
        "crown": tall * (1 - side * side * (1 / 0.92**2)).clamp(min=0).sqrt(), "dim": 1 - 0.45 * side * side * side,
        "groove": 0.35 * torch.exp(-((t / 0.05) ** 2)),
    }


def to_mouth(s, px, py):
    """Crop px -> mouth frame px"""
    ex, ey = s["axis"].split(1, 1)
    cx, cy = s["center"].split(1, 1)
    dx, dy = px - cx, py - cy
    return dx * ex + dy * ey, dy * ex - dx * ey


def to_crop(s, x, y):
    """Mouth frame -> crop px, columns and rows"""
    ex, ey = s["axis"].split(1, 1)
    cx, cy = s["center"].split(1, 1)
    return x * ex - y * ey + cx, x * ey + y * ex + cy


def sideways(s, new, x, y):
    """Where along the mouth a pixel comes from: the corners go to their new places, the cheeks follow less and less up to
    the jaw line."""
    half, width = s["half"], new["half"]
    left, right = (1 / torch.maximum(far - width, 0.45 * width) for far in (-s["left"], s["right"]))
    k = torch.minimum(1 + width * right - x * right, 1 + width * left + x * left).clamp(0, 1)
    fade = k * k * (3 - 2 * k)
    follow = torch.maximum(torch.minimum(x * (1 / width), fade), -fade)
    level = y * (1 / (0.85 * new["unit"])) - 0.05 / 0.85
    return x + follow * torch.exp(-(level * level)) * (half - width)


def heights(c, y, rows, s, new, spare):
    """Where the upper and the lower picture come from, how much of the lower one is seen, and how far below the mouth
    line a pixel lies. c: `edge_profiles` at every pixel, rows: px of the crop below it."""
    d = y - c["over"]
    k = (d * c["per_skin"] + 1).clamp(0, 1)
    up = c["skin_up"] * (k + k * k * (3 - 2 * k)) + (d * c["per_up"]).clamp(0, 1) * c["rise_up"] - d.clamp(min=0) * c["aside"]

    g = y - c["bottom"]
    lip = torch.minimum(g, c["thick"])
    lip = lip.clamp(min=0) * c["rise_low"] - lip * c["aside"] + c["edge_low"]
    k = ((g - c["thick"]) * c["per_chin"]).clamp(0, 1)
    k = k * k * (3 - 2 * k)
    rest = (1 - (y - c["chin"]) * (1 / torch.maximum(spare, 0.55 * new["unit"]))).clamp(0, 1)
    low = (lip - (lip + c["drop"]) * k) * rest * (0.5 * (rows / 20).clamp(0, 1) + 0.5 * ramp(rows, 0.0, 20.0))

    # One picture each, joined along the mouth line; outside the corners they melt into one.
    off = y - c["middle"]
    apart = low - up
    part = torch.sigmoid(off * (14 / s["half"])) * c["melt"]
    return y + up + apart * part, y + low - apart * (c["melt"] - part), torch.sigmoid(off * c["hard"]), off
