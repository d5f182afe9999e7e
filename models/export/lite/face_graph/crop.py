"""The crops of the mesh: squares of a picture, turned level, and the way back from their points to the picture's."""

import torch
from face_graph.detect import MOST_GAIN, size_of
from gather import take

# Crop of the mesh: side in px, and how much larger than the face it is.
CROP, ROOM = 192, 1.5
# Distance of a crop pixel's two taps, as a share of its width in the picture.
SPREAD = 2 / 3
# Mean brightness a dark face is lit up to, 0..1.
MIDDLE = 0.4


def crops(image, center, side, along):
    """Square crops around `center` [K,2] px with sides [K] px, x axis `along` [K,2] (length 1) -> f32 [K,3,192,192], 0..1.

    Four taps a pixel, the border repeated: bilinear, or nearly a box when shrinking. The picture's bytes are gathered, so
    that the whole of it is never made float, and plane by plane, so that the weights spread over whole planes.
    """
    height, width = size_of(image)
    u = (torch.arange(CROP) + .5) / CROP - .5
    step = along * side[:, None]
    # A crop row runs along (x, y), a crop column along (-y, x).
    x = (center[:, 0, None, None] - .5 + step[:, 0, None, None] * u[None, None, :]) - step[:, 1, None, None] * u[None, :, None]
    y = (center[:, 1, None, None] - .5 + step[:, 1, None, None] * u[None, None, :]) + step[:, 0, None, None] * u[None, :, None]
    # Taps 1 px apart, or, where a crop pixel covers several, as far apart as averages it best.
    apart = torch.round(side * (SPREAD / CROP)).clamp_min(1)[:, None, None]
    (x0, x1, fx), (y0, y1, fy) = taps(x, apart, width), taps(y, apart, height)
    x0, x1 = 3 * x0, 3 * x1
    row, channel = 3 * width.int(), torch.arange(3, dtype=torch.int32)[:, None, None]
    y0, y1 = y0 * row, y1 * row
    a, b, c, d = (
        take(image.reshape(-1), at[:, None] + channel).float()
        for at in (y0 + x0, y0 + x1, y1 + x0, y1 + x1)
    )
    upper, lower = a + (b - a) * fx[:, None], c + (d - c) * fx[:, None]
    return (upper + (lower - upper) * fy[:, None]) / 255


def taps(at, apart, size):
    """The two taps around positions `at` as pixel numbers i32, and the share of the second."""
    # Made positive, so that cutting the fraction off rounds down: a cast costs a tenth of a Floor.
    right = (at + (apart + 1) / 2).clamp_min(0).int().float()
    left = (right - apart).clamp_min(0)
    return torch.minimum(left, size - 1).int(), torch.minimum(right, size - 1).int(), (at - right) / apart + 1


def lit(crop):
    """Crops [K,3,192,192], 0..1: those with a dark middle, where the face is, are lit up to MIDDLE."""
    rim = CROP // 4
    light = crop[:, :, rim:-rim, rim:-rim].mean((1, 2, 3), keepdim=True)
    return (crop * (MIDDLE / light.clamp_min(.004)).clamp(1, MOST_GAIN)).clamp(max=1)


def direction(start, end):
    """Unit vectors [K,2] from `start` to `end`."""
    way = end - start
    return way / way.square().sum(1, keepdim=True).sqrt().clamp_min(1e-6)


def to_image(points, center, side, along):
    """Crop px [K,P,2] -> picture px."""
    x, y = ((points / CROP - .5) * side[:, None, None]).split(1, 2)
    across = torch.stack([-along[:, 1], along[:, 0]], 1)
    return center[:, None] + x * along[:, None] + y * across[:, None]
