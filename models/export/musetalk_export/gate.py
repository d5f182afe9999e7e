"""The exporter's own gate: every graph in ONNX Runtime against its network in PyTorch, on seeded inputs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

BATCHES = (1, 3)
"""Neither is the exporter's example batch, so that a batch taken for a constant shows."""

Inputs = list[np.ndarray]
Answers = list[tuple[Inputs, np.ndarray]]


class GateError(Exception):
    """A graph does not compute what its network computes."""


@dataclass(frozen=True)
class Limit:
    """Most that an output may be off: the largest and the mean absolute difference.

    Of names, such as classes, a difference is 1: the mean is the share of wrong ones.
    """

    max: float
    mean: float
    names: bool = False

    def check(self, what: str, found: np.ndarray, wanted: np.ndarray) -> None:
        """Print one line of the table.

        @raises GateError when the difference is over the limit, or no number at all
        """
        if found.shape != wanted.shape:
            raise GateError(f'{what}: made {found.shape} where {wanted.shape} is due')
        off = found != wanted if self.names else np.abs(found.astype(np.float64) - wanted.astype(np.float64))
        most, mean = float(off.max()), float(off.mean())
        row = f'{what:36} max {most:<9.3g} (limit {self.max:<5g}) mean {mean:<9.3g} (limit {self.mean:g})'
        print(row, flush=True)
        if not (most <= self.max and mean <= self.mean):
            raise GateError(f'{row}\nthis is too far off')


def session(path: Path, frugal: bool = False) -> onnxruntime.InferenceSession:
    """@param frugal keep no second copy of the weights, rearranged or in single precision: slower"""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    if frugal:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        options.add_session_config_entry('session.disable_prepacking', '1')
    return onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])


def seeded(example: tuple[torch.Tensor, ...], items: int | None) -> Inputs:
    """Inputs like the example's: bytes in coarse patches with noise, floats of a normal distribution.

    @param items batch, or None where the graph has none
    """
    random = np.random.default_rng(7)
    made = []
    for tensor in example:
        dims = tuple(tensor.shape) if items is None else (items, *tensor.shape[1:])
        if tensor.dtype == torch.uint8:
            coarse = random.integers(0, 200, (dims[0], dims[1] // 32, dims[2] // 32, 3)).repeat(32, 1).repeat(32, 2)
            made.append((coarse + random.integers(0, 56, dims)).astype(np.uint8))
        else:
            made.append(random.standard_normal(dims).astype(np.float32))
    return made


def answers(network: nn.Module, example: tuple[torch.Tensor, ...], batched: bool) -> Answers:
    """What a network makes of seeded inputs, for each batch."""
    asked = [seeded(example, items) for items in (BATCHES if batched else (None,))]
    return [(inputs, network(*map(torch.from_numpy, inputs)).numpy()) for inputs in asked]


def check(what: str, path: Path, wanted: Answers, limit: Limit, frugal: bool = False) -> None:
    """@raises GateError when the graph at `path` answers otherwise"""
    made = session(path, frugal)
    names = [given.name for given in made.get_inputs()]
    for i, (inputs, answer) in enumerate(wanted):
        batch = f', N={BATCHES[i]}' if len(wanted) > 1 else ''
        limit.check(what + batch, made.run(None, dict(zip(names, inputs)))[0], answer)
