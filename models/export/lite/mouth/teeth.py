"""The neutral upper teeth, drawn once in millimetres, for clips that never show any.

Sizes are textbook averages (central incisor 8.6 mm wide, edge about 2 mm below the closed lip line), the
outer eye corners taken as 92 mm apart. The drawing is a [4, ROWS, COLUMNS] picture on the grid of `teeth`:
RGB where 1 is the tooth color, and coverage.
"""

import numpy as np
from mouth.state import ACROSS, COLUMNS, DOWN, ROWS, UP

EYES_MM = 92.0
RISE_MM = 0.56 * EYES_MM
FINE = 6  # supersampling

# From the middle outwards: width (foreshortened by the arch), edge below the lip line, brightness.
TEETH = [(8.4, 2.1, 1.0), (6.4, 1.75, 0.96), (6.2, 1.9, 0.88), (4.6, 1.2, 0.76), (3.8, 0.7, 0.62), (3.2, 0.2, 0.46)]
TALL = 9.5  # mm from the edge to the gum of a central incisor
GUM = (0.74, 0.46, 0.44)


def draw() -> np.ndarray:
    rows, columns = ROWS * FINE, COLUMNS * FINE
    x = ((np.arange(columns) + 0.5) / columns * 2 - 1) * ACROSS * EYES_MM
    y = (UP + (np.arange(rows) + 0.5) / rows * (DOWN - UP)) * RISE_MM
    x, y = np.meshgrid(np.abs(x), y)
    light = np.zeros_like(x)
    cover = np.zeros_like(x)
    gum = np.zeros_like(x)
    start = 0.0
    for width, edge, shine in TEETH:
        across = (x - start) / width  # 0..1 over this tooth
        inside = (across >= 0) & (across < 1)
        side = np.abs(across * 2 - 1)
        # A flat edge with rounded corners, and a scalloped gum line.
        bottom = edge - 0.8 * np.clip((side - 0.25) / 0.75, 0, 1) ** 2
        top = edge - TALL * (0.86 + 0.14 * shine) + 1.6 * side**2
        body = shine * (1 - 0.07 * side**2) * (1 - 0.20 * np.clip((side - 0.88) / 0.12, 0, 1))
        body = body * (1 - 0.10 * np.clip((y - bottom + 1.3) / 1.3, 0, 1))  # the thin edge lets the dark through
        light = np.where(inside, body, light)
        cover = np.where(inside & (y < bottom), 1.0, cover)
        gum = np.where(inside, np.clip((top - y) / 0.4, 0, 1), gum)
        start += width
    rgb = np.stack([light * (1 - gum) + gum * c * (0.4 + 0.6 * light) for c in GUM])
    picture = np.concatenate([rgb * cover, cover[None]])
    small = picture.reshape(4, ROWS, FINE, COLUMNS, FINE).mean((2, 4))
    small[:3] /= np.maximum(small[3:], 1e-3)
    return small.astype(np.float32)
