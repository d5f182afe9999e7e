"""The pose network's view of a picture: the whole frame as OpenCV cuts it, to the bit, or an enlarged face box."""

import torch
from torch import nn

from .rtmpose import HEIGHT, WIDTH

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""Of R, G, B, 0..255."""
PADDING = 1.25
FRACTIONS = 32
"""OpenCV's bilinear weights come in 1/32 px."""


def whole_frame(height: torch.Tensor, width: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Centre and size, px, f64 [2] (x, y) of mmpose's view of a whole frame; the size rounded to single as it does."""
    w, h = PADDING * width.float(), PADDING * height.float()
    wide = w > 0.75 * h
    size = torch.stack([torch.where(wide, w, 0.75 * h), torch.where(wide, w / 0.75, h)])
    return torch.stack([width, height]).double() / 2, size.double()


def reference_positions(height: torch.Tensor, width: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where OpenCV 4's warpAffine looks for every row and column of the view: whole numbers f64 [384], [288] in 1/32 px.

    A pure scale s = 288 / view width: x = (u - 144) / s + W / 2, y = (v - 192) / s + H / 2, rounded to 1/1024 px in two
    steps (the row's offset joins the sum in y, not in x), then cut to 1/32. Sixteen times the view's width is the whole
    number k, so 1024 / s = 2 k / 9 and nothing lies half-way: the order of the operations does not matter.
    """
    height, width = height.double(), width.double()
    k = torch.where(4 * width > 3 * height, 20 * width, 15 * height)
    u, v = (torch.arange(count, dtype=torch.float64) for count in (WIDTH, HEIGHT))
    column = torch.round(2 * k * u / 9) + 512 * width - 32 * k
    row = torch.round(2 * k * (v - HEIGHT / 2) / 9) + 512 * height
    return tuple(torch.floor((at + 16) / (1024 / FRACTIONS)) for at in (row, column))


def blend(image: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Bilinear samples f32 [R,C,3] of a u8 picture at positions f64 [R], [C] in 1/32 px, whole; black outside.

    All sums are whole numbers below 2^24: exact in single precision, whatever adds them up.
    """
    (y, wy), (x, wx) = (taps(at, size) for at, size in zip((rows, columns), image.shape))
    across = sum(image.index_select(0, at).float() * weight[:, None, None] for at, weight in zip(y, wy))
    total = sum(across.index_select(1, at) * weight[None, :, None] for at, weight in zip(x, wx))
    return torch.floor((total + FRACTIONS**2 / 2) / FRACTIONS**2)


def taps(positions: torch.Tensor, size: int) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The two neighbors of each position, int64, and their weights in 1/32, f32; 0 outside of 0..size-1."""
    first = torch.floor(positions / FRACTIONS)
    part = positions - FRACTIONS * first
    places, weights = [], []
    for at, weight in ((first, FRACTIONS - part), (first + 1, part)):
        place = at.long()
        inside = (place >= 0) & (place < size)
        places.append(torch.where(inside, place, 0))
        weights.append(weight.float() * inside)
    return places, weights


def normalised(view: torch.Tensor) -> torch.Tensor:
    """RGB f32 [384,288,3] 0..255 -> f32 [2,3,384,288]: the view and its mirror image."""
    upright = ((view - torch.tensor(MEAN)) / torch.tensor(STD)).permute(2, 0, 1)
    return torch.stack([upright, upright.flip(2)])


class ReferenceView(nn.Module):
    """image u8 [H,W,3] RGB -> view u8 [384,288,3], picture f32 [2,3,384,288], centre and size f64 [2] px."""

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        height, width = sides(image)
        view = blend(image, *reference_positions(height, width))
        return view.to(torch.uint8), normalised(view), *whole_frame(height, width)


class FaceView(nn.Module):
    """image u8 [H,W,3] RGB, box f32 [4] px -> the same as `ReferenceView`, of the box enlarged `room` times.

    Never more than the reference's view of the whole frame, which a face that fills the frame would exceed.
    """

    def __init__(self, room: float):
        super().__init__()
        self.room = room

    def forward(self, image: torch.Tensor, box: torch.Tensor) -> tuple[torch.Tensor, ...]:
        box = box.double()
        centre = (box[:2] + box[2:]) / 2
        _, whole = whole_frame(*sides(image))
        high = torch.minimum(self.room * (box[2:] - box[:2]).amax(0), whole[1]).clamp(min=1)
        size = torch.stack([high * (WIDTH / HEIGHT), high])
        u, v = (torch.arange(count, dtype=torch.float64) for count in (WIDTH, HEIGHT))
        columns, rows = (
            torch.round(((at / count - 0.5) * size[axis] + centre[axis]) * FRACTIONS) for axis, (at, count) in enumerate(((u, WIDTH), (v, HEIGHT)))
        )
        view = blend(image, rows, columns)
        return view.to(torch.uint8), normalised(view), centre, size


def sides(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Height and width as int64 scalars, which the exporter keeps as numbers of the graph."""
    return tuple(torch.ops.aten.scalar_tensor(side, dtype=torch.int64) for side in image.shape[:2])
