"""The exporter's own gate: every graph in ONNX Runtime against its network in PyTorch, on seeded inputs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

BATCHES = (1, 3)
"""Neither is the exporter's example batch, so that a batch taken for a constant shows."""


class GateError(Exception):
    """A graph does not compute what its network computes."""


@dataclass(frozen=True)
class Limit:
    """Most that an output may be off, as maximum and as mean of absolute differences."""

    max: float
    mean: float


@dataclass(frozen=True)
class Row:
    """One line of the table: what was compared, on how many items, and how far apart it was."""

    graph: str
    against: str
    items: int
    max: float
    mean: float
    limit: Limit

    def __str__(self) -> str:
        return (
            f'{self.graph:9}{self.against:14}N={self.items:<3} max {self.max:<9.3g} (limit {self.limit.max:<6g}) '
            f'mean {self.mean:<9.3g} (limit {self.limit.mean:g})'
        )


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])


def seeded(example: tuple[torch.Tensor, ...], items: int | None) -> list[np.ndarray]:
    """Inputs like the example's: bytes over the whole range in smooth patches with noise, floats of a normal distribution."""
    random = np.random.default_rng(7)
    made = []
    for tensor in example:
        dims = tuple(tensor.shape) if items is None else (items, *tensor.shape[1:])
        if tensor.dtype == torch.uint8:
            coarse = random.integers(0, 200, (dims[0], dims[1] // 32, dims[2] // 32, 3)).repeat(32, 1).repeat(32, 2)
            made.append((coarse + random.integers(0, 56, dims)).astype(np.uint8))
        else:
            made.append(random.standard_normal(dims).astype(np.float32).astype(str(tensor.dtype).removeprefix('torch.')))
    return made


def compare(graph: str, against: str, items: int, found: np.ndarray, wanted: np.ndarray, limit: Limit) -> Row:
    """@raises GateError when the difference is over the limit, or no number at all"""
    off = np.abs(found.astype(np.float64) - wanted.astype(np.float64))
    row = Row(graph, against, items, float(off.max()), float(off.mean()), limit)
    print(row, flush=True)
    if found.shape != wanted.shape or not (row.max <= limit.max and row.mean <= limit.mean):
        raise GateError(f'{row}\nthe graph does not compute what it should; outputs {found.shape} and {wanted.shape}')
    return row


@torch.no_grad()
def against_network(
    graph: str, path: Path, network: nn.Module, example: tuple[torch.Tensor, ...], batched: bool, limit: Limit,
) -> list[Row]:
    made = session(path)
    rows = []
    for items in BATCHES if batched else (None,):
        inputs = seeded(example, items)
        found = made.run(None, {given.name: value for given, value in zip(made.get_inputs(), inputs)})[0]
        wanted = network(*map(torch.from_numpy, inputs)).numpy()
        rows.append(compare(graph, 'PyTorch', items or 1, found, wanted, limit))
    return rows
