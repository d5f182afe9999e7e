"""Golden numbers of the bundle's graphs, which the worker recomputes when it starts (models/inference/self-test.ts).

Feeds are rules, not tensors: `wave` and `ramp` count, `ellipses` paints, `from` takes what an earlier run made.
"""

from pathlib import Path

import numpy as np

from .gate import session
from .graphs import GRAPHS

# A face in plain shapes on 256 x 256 px: head, hair, forehead, brows, eyes, irises, nose, nostrils, lips, mouth.
ELLIPSES = [
    [128, 150, 90, 100, 205, 160, 135], [128, 56, 92, 50, 70, 45, 30], [128, 110, 80, 70, 205, 160, 135],
    [92, 104, 20, 4, 70, 45, 30], [164, 104, 20, 4, 70, 45, 30], [92, 124, 16, 8, 245, 245, 240],
    [164, 124, 16, 8, 245, 245, 240], [92, 124, 7, 7, 60, 40, 25], [164, 124, 7, 7, 60, 40, 25],
    [128, 150, 9, 28, 214, 170, 146], [128, 172, 16, 8, 190, 140, 116], [120, 176, 4, 2, 110, 70, 60],
    [136, 176, 4, 2, 110, 70, 60], [128, 206, 34, 11, 170, 80, 80], [128, 206, 28, 2, 90, 40, 40],
]


def drawing(side: int) -> dict:
    k = side // 256
    shapes = [[n * k for n in shape[:4]] + shape[4:] for shape in ELLIPSES]
    return {'dims': [1, side, side, 3], 'rule': 'ellipses', 'background': [120, 130, 140], 'ellipses': shapes}


RUNS = {
    'listen': {'pcm': {'dims': [480_000], 'rule': 'wave'}},
    'encode': {'crop': drawing(256)},
    'parse': {'image': drawing(512)},
    'generate': {'latent': {'rule': 'from', 'of': 'encode.latent'}, 'prompt': {'dims': [1, 50, 384], 'rule': 'wave'}},
}
# Room for other processors, TF32 and half precision; nonsense is much farther away. A class may not be off at all,
# so its places are chosen inside large areas; the mean of bytes may be off by a quarter of the tolerance.
TOLERANCE = {'states': 0.1, 'latent': 0.1, 'face': 12, 'classes': 0.5}


def value(feed: dict, made: dict[str, np.ndarray]) -> np.ndarray:
    """The tensor a feed stands for."""
    if feed['rule'] == 'from':
        return made[feed['of']]
    dims = feed['dims']
    if feed['rule'] == 'wave':
        i = np.arange(np.prod(dims), dtype=np.int64)
        return (0.5 * np.sin(i * 0.05) * np.sin(i * 0.0003)).astype(np.float32).reshape(dims)
    picture = np.empty(dims[-3:], np.uint8)
    picture[:] = feed['background']
    y, x = np.mgrid[:dims[-3], :dims[-2]] + 0.5
    for cx, cy, rx, ry, *color in feed['ellipses']:
        picture[((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1] = color
    return picture.reshape(dims)


def places(name: str, tensor: np.ndarray) -> list[int]:
    """Eight flat indices to look at."""
    count = tensor.size
    if name != 'classes':
        return [(2 * k + 1) * count // 16 for k in range(8)]
    plane = tensor[0].astype(int)
    calm = np.ones_like(plane, bool)
    for axis in (0, 1):
        for shift in (-8, 8):
            calm &= plane == np.roll(plane, shift, axis)
    inside = np.flatnonzero(calm)
    return [int(inside[(2 * k + 1) * len(inside) // 16]) for k in range(8)] if len(inside) else []


def numbers(name: str, tensor: np.ndarray) -> dict:
    flat = tensor.reshape(-1)
    whole = tensor.dtype == np.uint8
    return {
        'dims': list(tensor.shape),
        'mean': round(float(flat.mean(dtype=np.float64)), 4),
        'at': [[k, int(flat[k]) if whole else round(float(flat[k]), 4)] for k in places(name, tensor)],
        'tolerance': TOLERANCE[name],
    }


def without_numbers() -> list[dict]:
    """The runs, for whoever computes the numbers of weights that are not here."""
    outputs = {graph.name: graph.output for graph in GRAPHS}
    return [
        {'graph': graph, 'feeds': feeds, 'output': outputs[graph], 'tolerance': TOLERANCE[outputs[graph]]} for graph, feeds in RUNS.items()
    ]


def self_test(out: Path) -> list[dict]:
    """One run of each graph in the bundle at `out`."""
    made: dict[str, np.ndarray] = {}
    runs = []
    for graph, feeds in RUNS.items():
        network = session(out / f'{graph}.onnx')
        (output,) = network.get_outputs()
        tensor = network.run(None, {name: value(feed, made) for name, feed in feeds.items()})[0]
        made[f'{graph}.{output.name}'] = tensor
        runs.append({'graph': graph, 'feeds': feeds, 'expect': {output.name: numbers(output.name, tensor)}})
    return runs
