"""Saves graphs beside one file of weights that they share."""

import hashlib
from pathlib import Path

import onnx
from onnx import external_data_helper, numpy_helper

LEAST_BYTES = 1024
"""Smaller weights stay in the graph."""
ALIGN = 4096
"""Weights start at multiples of this, so that they can be mapped."""


class Weights:
    """One file of weights; what several graphs, or several places of one, hold alike lies in it once."""

    def __init__(self, path: Path):
        self.path = path
        self.places: dict[bytes, int] = {}
        path.write_bytes(b'')

    def move(self, model: onnx.ModelProto) -> None:
        """Replace the big weights of `model` by references to the file."""
        with self.path.open('ab') as file:
            for weight in model.graph.initializer:
                data = numpy_helper.to_array(weight).tobytes()
                if len(data) < LEAST_BYTES:
                    continue
                key = hashlib.sha256(data).digest()
                if key not in self.places:
                    file.write(bytes(-file.tell() % ALIGN))
                    self.places[key] = file.tell()
                    file.write(data)
                weight.raw_data = data
                external_data_helper.set_external_data(weight, self.path.name, self.places[key], len(data))
                weight.ClearField('raw_data')

    def save(self, model: onnx.ModelProto, name: str) -> Path:
        self.move(model)
        target = self.path.with_name(name)
        onnx.save(model, target)
        return target
