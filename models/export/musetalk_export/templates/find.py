"""Finds how every weight of a graph is made, by its values."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from math import prod

import numpy as np

from ..networks.folds import scale
from .places import Place
from .recipe import Making, Tensors

SAMPLES = 64
TIME = ('time_embedding.linear_1.weight', 'time_embedding.linear_1.bias', 'time_embedding.linear_2.weight', 'time_embedding.linear_2.bias')


class Finder:
    def __init__(self, tensors: Tensors):
        self.tensors = {
            slot: {name: tensor for name, tensor in named.items() if tensor.dtype == np.float32} for slot, named in tensors.items()
        }
        self.by_size: dict[int, list[tuple[str, str]]] = defaultdict(list)
        for slot, named in self.tensors.items():
            for name, tensor in named.items():
                self.by_size[tensor.size].append((slot, name))

    def find(self, place: Place) -> Making | None:
        """None where the initializer is made of no tensor: a constant."""
        wanted = place.read()
        if wanted.size == 0:
            return None
        places = np.linspace(0, wanted.size - 1, min(SAMPLES, wanted.size)).astype(np.int64)
        sample = wanted.reshape(-1)[places]
        for making in self.candidates(wanted.shape, wanted.dtype == np.float16):
            # All of a big weight is made only where some of it is right.
            if same(self.sampled(making, places).astype(wanted.dtype), sample) and same(making.apply(self.tensors), wanted):
                return making
        return None

    def sampled(self, making: Making, places: np.ndarray) -> np.ndarray:
        """Some values, before they are rounded to half."""
        if making.make == 'norm-weight':
            weight, norm, variance = (self.tensors[making.slot][name] for name in making.tensors)
            some = np.unravel_index(places, weight.shape)
            return weight[some] * scale(norm, variance)[some[0]]
        array = replace(making, half=False).apply(self.tensors)
        return array[np.unravel_index(places, array.shape)]

    def candidates(self, shape: tuple[int, ...], half: bool) -> Iterator[Making]:
        for slot, name in self.by_size[prod(shape)]:
            for axes in turns(self.tensors[slot][name].shape, shape):
                yield Making(slot, 'copy', (name,), axes, half)
        for slot, making in self.folds(shape):
            yield Making(slot, *making, half=half)

    def folds(self, shape: tuple[int, ...]) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
        """Slot, and what is made of which tensors, of every fold that gives a shape."""
        for slot, named in self.tensors.items():
            for variance in [name for name in named if name.endswith('.running_var') and named[name].shape == shape[:1]]:
                norm = variance.removesuffix('running_var')
                if len(shape) == 1:
                    yield slot, ('norm-bias', (f'{norm}weight', f'{norm}bias', f'{norm}running_mean', variance))
                else:
                    weights = (other for _, other in self.by_size[prod(shape)] if other in named and named[other].shape == shape)
                    yield from ((slot, ('norm-weight', (weight, f'{norm}weight', variance))) for weight in weights)
            for weight in [name for name in named if name.endswith('.time_emb_proj.weight') and named[name].shape[:1] == shape]:
                block = weight.removesuffix('time_emb_proj.weight')
                yield slot, ('time-bias', (f'{block}conv1.bias', weight, f'{block}time_emb_proj.bias', *TIME))


def turns(shape: tuple[int, ...], wanted: tuple[int, ...]) -> Iterator[tuple[int, ...] | None]:
    """Orders of axes that give a shape; None for the order as it is. Axes of length 1 do not count."""
    yield None
    for axes in permutations(range(len(shape))):
        if solid(shape[axis] for axis in axes) == solid(wanted) and solid(axes, shape) != sorted(solid(axes, shape)):
            yield axes


def solid(values, shape=None) -> list[int]:
    return [value for value in values if (shape[value] if shape else value) != 1]


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.tobytes() == other.tobytes()
