"""From a prompt to the outlines of the new mouth: tables along the mouth, in crop pixels.

Everything here is one-dimensional (T table entries per frame), so it costs next to nothing; `generate`
reads the tables once per pixel. t is the place along the mouth, -1 and 1 at the corners.
"""

import torch
from mouth.geometry import ramp

# Share of each of the 10 prompt steps; steps 4 and 5 are the frame itself.
STEPS = (0.0, 0.0, 0.03, 0.12, 0.35, 0.35, 0.12, 0.03, 0.0, 0.0)
NAMES = ("open", "jaw", "wide", "round", "press", "tuck", "teeth", "tongue")


def pose_of(prompt):
    """[N,10,8] -> {name: [N,1,1]}"""
    weight = torch.tensor(STEPS).reshape(1, 1, 10)
    p = torch.matmul(weight, prompt).clamp(-1, 1)
    return dict(zip(NAMES, p.split(1, 2), strict=True))


def neutral(s, tables, m, t):
    """The closed mouth this frame would have: contours and the amount of the source's own motion.

    s: the frame's numbers [N,K,1], tables [N,4,T] px, m: the clip's numbers, t [1,1,T]. The frame's own shape is kept where its
    mouth is closed and gives way to the clip's where it is open, so nothing jumps between frames.
    """
    up, low, over, under = tables.split(1, 1)
    gap = low - up
    gape = ramp(s["gap"] / s["rise"], 0.03, 0.12)
    known = gape * m["trust"]

    # At the philtrum: where between the lips will they meet?
    near = torch.exp(-(((t - s["middle"] / s["half"]) / 0.15) ** 2))
    near = near / near.sum(2, keepdim=True).clamp(min=1e-6)  # a philtrum beside the mouth: landmarks of no face
    up0 = (up * near).sum(2, keepdim=True)
    gap0 = (gap * near).sum(2, keepdim=True)
    share = ((m["line"] * s["rise"] + s["nose"] - up0) / gap0.clamp(min=0.5)).clamp(0.15, 0.55)
    # Of a narrow opening the share is noise, which made the line jump between its two bounds.
    share = 0.3 + (share - 0.3) * gap0 * gap0 / (gap0 * gap0 + (0.05 * s["rise"]) ** 2)

    # A dropped jaw drags the corners down, a smile lifts them: back to the clip's height, or, when no frame is
    # closed, part of the way to the line's.
    limit = 0.16 * s["half"]
    line0 = up0 + share * gap0
    shift = m["trust"] * 0.8 * (m["corner"] * s["rise"] + s["nose"]) + (1 - m["trust"]) * (
        0.7 * line0.clamp(max=0) + 0.3 * line0.clamp(min=0))
    shift = torch.minimum(torch.maximum(shift, -limit), limit) * gape
    lifted = shift * torch.exp(-(((t.abs() - 1).clamp(min=0) / 0.35) ** 2))
    line = up + share * gap
    line = line + lifted * t.abs().clamp(max=1)
    line = line + known * (m["arch"].transpose(1, 2) * s["rise"] + lifted - line)

    ratio = 1 + (0.70 + 0.15 * m["trust"]) * ((m["width"] * s["eyes"] / s["half"]).clamp(0.70, 1.35) - 1)
    fuller = ratio.clamp(0.7, 1) ** -0.35 * (1 + 0.06 * gape * (1 - m["trust"]))
    # Lips stretched around an open mouth are thick up to the corners; closed ones taper. Without a closed frame
    # to learn from, an average profile takes over.
    taper = (1 - t * t).clamp(min=0)
    thick_up, thick_low = up - over, under - low
    guess = 0.8 * gape * (1 - m["trust"])
    thick_up = thick_up + guess * ((thick_up * near).sum(2, keepdim=True) * taper**0.45 - thick_up)
    thick_low = thick_low + guess * ((thick_low * near).sum(2, keepdim=True) * taper**0.6 - thick_low)
    thick_up, thick_low = thick_up * fuller, thick_low * fuller
    thick_up = thick_up + known * (m["upper"].transpose(1, 2) * s["rise"] - thick_up)
    thick_low = thick_low + known * (m["lower"].transpose(1, 2) * s["rise"] - thick_low)
    line0 = (line * near).sum(2, keepdim=True)
    # Where the corners stand at the clip's height they tell where the teeth are as well as the nose does, and the
    # mean of two is steadier than one.
    by_corner = (m["line"] - m["corner"]) * s["rise"]
    agree = torch.exp(-(((by_corner - m["line"] * s["rise"] - s["nose"]) / (0.05 * s["rise"])) ** 2))
    line0 = line0 + 0.5 * agree * (by_corner - line0)
    return {"line": line, "line0": line0, "up": thick_up, "low": thick_low, "ratio": ratio, "gape": gape,
            "lift": (1 - share) * gap0}


def outlines(s, tables, beyond, base, p, t):
    """Target and source edges [N,1,T] px of both lips, the half width and the chin's drop [N,1,1] px."""
    up, low, over, under = tables.split(1, 1)
    unit = 0.5 * s["rise"]  # about half a neutral mouth width, but it does not shrink when the head turns
    open_, round_, press, tuck, teeth = p["open"].clamp(0, 1), p["round"].clamp(0, 1), p["press"].clamp(0, 1), \
        p["tuck"].clamp(0, 1), p["teeth"].clamp(0, 1)
    apart, together = p["wide"].clamp(min=0), (-p["wide"]).clamp(min=0)

    width = 1 + 0.13 * apart - 0.09 * together - 0.185 * round_ - 0.05 * ramp(open_, 0.3, 0.9) * (1 - apart)
    half = s["half"] * base["ratio"] * width

    o = torch.maximum(open_ * (1 - 0.97 * press) * (1 - 0.8 * tuck), 0.16 * teeth * (1 - press))
    o = (o - 0.03 * (1 - open_)).clamp(min=0) * (1 - tuck) + 0.10 * tuck
    gap = 0.76 * o * (1 - 0.10 * round_) * unit
    reach = (0.64 + 0.28 * ramp(o, 0.0, 0.45)) * (1 - 0.04 * round_)
    bow = (1 - (t / reach) ** 2).clamp(min=0) ** (0.74 - 0.18 * round_)
    hole = gap * bow
    line = base["line"]
    pull = 0.28 + 0.08 * teeth + 0.05 * apart - 0.06 * round_
    corner = (0.05 * p["jaw"] - 0.03 * apart) * unit * torch.exp(-((t.abs() - 1) / 0.5) ** 2)
    line = line + corner
    top = line - pull * hole - (0.03 * teeth + 0.07 * tuck) * unit * bow
    bottom = line + (1 - pull) * hole

    swell = round_ * (0.24 - 0.20 * t * t)
    thin_up = 1 - 0.30 * press + swell - 0.10 * o
    thin_low = 1 - 0.34 * press + swell - 0.12 * o - 0.22 * tuck
    new_over = top - base["up"] * thin_up
    new_under = bottom + base["low"] * thin_low

    # Cut a little inside the source's lips, so that no source tooth hangs on, and roll them in when pressed.
    open_source = ramp(s["gap"], 0.0, 6.0)
    nearly = 0.05 * (1 - ramp(o, 0.02, 0.12)) * open_source
    # Towards the corners more: there the dark of the open source mouth reaches past the contour.
    inset = 1.5 * open_source + 1.2 * ramp(s["gap"], 6.0, 24.0)
    inset = inset * (1 + 0.8 * ramp(t.abs(), 0.45, 0.9))
    cut_up = inset + beyond[:, :1] + (0.20 * press + nearly) * (up - over)
    cut_low = inset + beyond[:, 1:] + (0.22 * press + 0.18 * tuck + nearly) * (under - low)
    cut_up = torch.minimum(cut_up, 0.7 * (up - over))
    cut_low = torch.minimum(cut_low, 0.7 * (under - low))

    jaw = 0.34 * unit * p["jaw"].clamp(0, 1) * (1 - 0.3 * press) - 0.50 * base["lift"] * base["gape"]
    return {"half": half, "top": top, "bottom": bottom, "over": new_over, "under": new_under, "hole": hole,
            "from_top": up - cut_up, "from_bottom": low + cut_low, "from_over": over, "from_under": under,
            "jaw": jaw, "o": o, "gap": gap, "unit": unit, "reach": reach}
