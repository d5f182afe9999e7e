"""Every bin of the pose network to whole frame px, at many frame sizes, by the exported graph's own steps."""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto

from . import inner
from .rtmpose import BINS_PER_PX, HEIGHT, POINTS, WIDTH
from .simcc import FACE

BINS = (BINS_PER_PX * WIDTH, BINS_PER_PX * HEIGHT)
LOGITS = dict.fromkeys(('simcc_x', 'simcc_y'), (TensorProto.FLOAT, 3))
PLACE = dict.fromkeys(('centre', 'size'), (TensorProto.DOUBLE, 1))


def bins_to_frame(model: onnx.ModelProto, golden: Path) -> Iterator[tuple[str, str, bool]]:
    """Lines of the table: what, found, good."""
    view = inner.parts(model, ['view'], {'image': (TensorProto.UINT8, 3)}, list(PLACE))
    decode = inner.parts(model, ['decode'], LOGITS | PLACE, ['landmarks'])
    for row in json.loads(golden.read_text())['bins_to_frame']['rows']:
        width, height = row['size']
        place = inner.run(view, {'image': np.zeros((height, width, 3), np.uint8)})
        placed = place['centre'].tolist() == row['centre'] and place['size'].tolist() == row['scale']
        px = np.trunc(every_bin(decode, place)).astype('<i4')
        crcs = [f'{zlib.crc32(px[:count, axis].tobytes()):08x}' for axis, count in enumerate(BINS)]
        invalid = px[-1].tolist()
        good = placed and crcs == [row['x_int32_crc32'], row['y_int32_crc32']] and invalid == row['invalid']
        yield f'bins {width}x{height}', f'crc32 {" ".join(crcs)}, invalid {invalid}', good


def every_bin(decode: ort.InferenceSession, place: dict[str, np.ndarray]) -> np.ndarray:
    """Px f32 [768+1, 2] of every bin (x repeats its last), then of an invalid point; 68 points a run."""
    first, last = FACE
    total = max(BINS) + 1
    found = []
    for start in range(0, total, last - first):
        x, y = (np.full((2, POINTS, bins), -1, np.float32) for bins in BINS)
        for point in range(first, last):
            at = start + point - first
            if at < max(BINS):
                # The view alone decides: the mirrored one's logits are equal everywhere.
                x[0, point, min(at, BINS[0] - 1)] = y[0, point, at] = 9
        found.append(decode.run(None, {'simcc_x': x, 'simcc_y': y, **place})[0][0])
    return np.concatenate(found)[:total]
