"""Saves graphs beside a file of their weights: the same bytes every time, wherever they come from."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_ir

LEAST_BYTES = 1024
"""Smaller weights stay in the graph."""
ALIGN = 4096
"""Weights start at multiples of this, so that they can be mapped."""
CONSTANTS = {'positions', 'upper', 'convert_element_type_default'}
"""Big values in single or half precision that are the same whatever the weights: they stay in the graph too."""
FLOATS = (onnx_ir.DataType.FLOAT, onnx_ir.DataType.FLOAT16)

Values = dict[str, Callable[[], np.ndarray]]
"""Initializers whose values are not in the graph at hand, by name."""


class Weights:
    """One file of weights; what several graphs, or several places of one, call by one key lies in it once."""

    def __init__(self, path: Path):
        self.path = path
        self.places: dict[str, tuple[int, bytes]] = {}
        path.write_bytes(b'')

    def add(self, key: str, array: np.ndarray) -> int:
        """Where in the file the array lies."""
        data = np.ascontiguousarray(array).data
        digest = hashlib.sha256(data).digest()
        if key not in self.places:
            with self.path.open('ab') as file:
                file.write(bytes(-file.tell() % ALIGN))
                self.places[key] = file.tell(), digest
                file.write(data)
        at, known = self.places[key]
        if known != digest:
            raise ValueError(f'two graphs of {self.path.name} have different weights of one name: {key}')
        return at


def save(model: onnx_ir.Model, path: Path, weights: Weights, values: Values | None = None, key: Callable[[str], str] = str) -> None:
    """Write `model` to `path` and its big weights to the file beside it, to which the model refers from then on.

    @param key what several initializers have in common that are one and the same
    """
    for name, value in model.graph.initializers.items():
        if value.const_value.dtype not in FLOATS:
            continue
        array = values[name]() if values and name in values else value.const_value.numpy()
        if array.nbytes < LEAST_BYTES or name in CONSTANTS:
            value.const_value = onnx_ir.tensor(array, name=name)
            continue
        at = weights.add(key(name), array)
        value.const_value = onnx_ir.ExternalTensor(
            weights.path.name, at, array.nbytes, onnx_ir.DataType.from_numpy(array.dtype),
            shape=onnx_ir.Shape(array.shape), name=name, base_dir=path.parent,
        )
    onnx_ir.save(model, path)
