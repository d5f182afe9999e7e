"""Where the bytes of a graph's initializers lie: in its own file or in the one beside it."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

GRAPH, INITIALIZER, NAME, RAW_DATA = 7, 5, 8, 9
"""Fields of ModelProto, GraphProto and TensorProto."""
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class Place:
    """An initializer's bytes."""

    name: str
    file: Path
    at: int
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def bytes(self) -> int:
        return self.dtype.itemsize * prod(self.shape)

    def read(self) -> np.ndarray:
        return np.memmap(self.file, self.dtype, 'r', self.at, self.shape or (1,)).reshape(self.shape)


def places(path: Path) -> list[Place]:
    """Of the initializers in single or half precision."""
    graph = onnx.load(path, load_external_data=False).graph
    inside = raw_data(path.read_bytes())
    found = []
    for tensor in graph.initializer:
        dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
        if dtype not in (np.float32, np.float16):
            continue
        file, at = path, inside.get(tensor.name)
        if uses_external_data(tensor):
            info = ExternalDataInfo(tensor)
            file, at = path.parent / info.location, info.offset
        found.append(Place(tensor.name, file, at, tuple(tensor.dims), np.dtype(dtype)))
    return found


def raw_data(model: bytes) -> dict[str, int]:
    """Name -> offset in the file, of every initializer that has its bytes in the graph."""
    view, found = memoryview(model), {}
    for graph in fields(view, (0, len(view)), GRAPH):
        for tensor in fields(view, graph[1], INITIALIZER):
            own = dict(fields(view, tensor[1], NAME, RAW_DATA))
            if RAW_DATA in own:
                found[str(view[slice(*own[NAME])], 'utf-8')] = own[RAW_DATA][0]
    return found


def fields(view: memoryview, message: tuple[int, int], *wanted: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """Number of some fields of a message, and where what they hold starts and ends."""
    at, end = message
    while at < end:
        key, at = varint(view, at)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            start, (_, at) = at, varint(view, at)
        elif kind == BYTES:
            length, start = varint(view, at)
            at = start + length
        else:
            start, at = at, at + {FIXED64: 8, FIXED32: 4}[kind]
        if number in wanted:
            yield number, (start, at)


def varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = view[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
