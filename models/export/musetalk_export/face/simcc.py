"""Decodes the pose network's logits: both views to one, the likeliest half pixels, back to the frame."""

import torch
from torch import nn

from .rtmpose import BINS_PER_PX, HEIGHT, POINTS, WIDTH

FACE = (23, 91)
"""Rows of the 68 face points, in iBUG order."""


def flip_order() -> list[int]:
    """For every point, the one that is in its place in a mirrored picture."""
    order = list(range(POINTS))
    pairs = [(i, i + 1) for i in range(1, 16, 2)] + [(17, 20), (18, 21), (19, 22)]
    # Points of the face that lie on the other side of its middle have numbers that add up to one sum.
    for first, last, total in ((23, 30, 62), (40, 44, 89), (54, 55, 112), (71, 73, 148), (78, 79, 160), (83, 84, 170), (88, 88, 178)):
        pairs += [(i, total - i) for i in range(first, last + 1)]
    pairs += [(59, 68), (60, 67), (61, 66), (62, 65), (63, 70), (64, 69)]
    pairs += [(91 + i, 112 + i) for i in range(21)]
    for a, b in pairs:
        order[a], order[b] = b, a
    return order


def both(plain: torch.Tensor, mirrored: torch.Tensor) -> torch.Tensor:
    return (plain + mirrored) * 0.5


class Decode(nn.Module):
    """simcc_x f32 [2,133,576], simcc_y f32 [2,133,768], centre and size f64 [2] -> landmarks f32 [1,68,2] px.

    Also returned, for checks: the averaged logits, the points f64 [133,2] px and their scores f32 [133].
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('order', torch.tensor(flip_order()), persistent=False)

    def forward(self, x: torch.Tensor, y: torch.Tensor, centre: torch.Tensor, size: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = both(x[0], x[1].index_select(0, self.order).flip(1))
        y = both(y[0], y[1].index_select(0, self.order))
        scores = torch.minimum(x.amax(1), y.amax(1))
        bins = torch.stack([x.argmax(1), y.argmax(1)], 1)
        # A point without a positive logit is at bin -1.
        bins = torch.where((scores > 0)[:, None], bins, -1)
        share = bins.double() / BINS_PER_PX / torch.tensor([WIDTH, HEIGHT], dtype=torch.float64)
        points = share * size + centre - 0.5 * size
        first, last = FACE
        return inexact(points[first:last])[None], x, y, points, scores


def inexact(points: torch.Tensor) -> torch.Tensor:
    """Double -> single, so that cutting off the fraction gives what it gives in double.

    Many points lie on whole px or a rounding error below, where the nearest single would be the next px.
    """
    near = points.float()
    return torch.where(near.long() == points.long(), near, near - near / 2**23)
