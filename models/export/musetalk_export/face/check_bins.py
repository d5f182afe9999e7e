"""Every bin of the pose network to whole frame px, at many frame sizes, by the exported graph's own steps."""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from .rtmpose import BINS_PER_PX, HEIGHT, POINTS, WIDTH
from .simcc import FACE

BINS = (BINS_PER_PX * WIDTH, BINS_PER_PX * HEIGHT)


def bins_to_frame(model: onnx.ModelProto, golden: Path) -> Iterator[tuple[str, str, bool]]:
    """Lines of the table: what, found, good."""
    view = steps(model, 'view', {'image': (TensorProto.UINT8, 3)}, ['centre', 'size'])
    logits = {'simcc_x': (TensorProto.FLOAT, 3), 'simcc_y': (TensorProto.FLOAT, 3)}
    place = {'centre': (TensorProto.DOUBLE, 1), 'size': (TensorProto.DOUBLE, 1)}
    decode = steps(model, 'decode', logits | place, ['landmarks'])
    for row in json.loads(golden.read_text())['bins_to_frame']['rows']:
        width, height = row['size']
        centre, size = view.run(None, {'image': np.zeros((height, width, 3), np.uint8)})
        placed = centre.tolist() == row['centre'] and size.tolist() == row['scale']
        px = np.trunc(every_bin(decode, centre, size)).astype('<i4')
        crcs = [f'{zlib.crc32(px[:count, axis].tobytes()):08x}' for axis, count in enumerate(BINS)]
        invalid = px[-1].tolist()
        good = placed and crcs == [row['x_int32_crc32'], row['y_int32_crc32']] and invalid == row['invalid']
        yield f'bins {width}x{height}', f'crc32 {" ".join(crcs)}, invalid {invalid}', good


def steps(model: onnx.ModelProto, part: str, inputs: dict[str, tuple[int, int]], outputs: list[str]) -> ort.InferenceSession:
    """One part of the graph on its own, with inputs of this type and number of axes."""
    graph = helper.make_graph(
        [node for node in model.graph.node if node.name.startswith(f'{part}.')], part,
        [helper.make_tensor_value_info(name, kind, [None] * axes) for name, (kind, axes) in inputs.items()],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [weight for weight in model.graph.initializer if weight.name.startswith(f'{part}.')],
    )
    alone = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    return ort.InferenceSession(alone.SerializeToString(), providers=['CPUExecutionProvider'])


def every_bin(decode: ort.InferenceSession, centre: np.ndarray, size: np.ndarray) -> np.ndarray:
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
        found.append(decode.run(None, {'simcc_x': x, 'simcc_y': y, 'centre': centre, 'size': size})[0][0])
    return np.concatenate(found)[:total]
