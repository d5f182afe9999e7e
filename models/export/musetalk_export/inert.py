"""Unpickles a torch file that holds more than tensors, without running any of it.

mmpose keeps notes on the training beside its weights, as objects of libraries that are not here and need not be. What is
not needed for tensors becomes an object that does nothing.
"""

import pickle
from pathlib import Path
from types import SimpleNamespace

import torch

ALLOWED = {
    ('collections', 'OrderedDict'),
    ('torch', 'Size'),
    ('torch._utils', '_rebuild_tensor_v2'),
    ('torch._utils', '_rebuild_parameter'),
}
"""All that torch's own restricted loader needs for tensors too. Storages never get here: torch knows them by name."""


class Inert:
    """Stands for any class, function or object of a pickle: takes whatever it is given, and gives nothing."""

    def __init__(self, *arguments: object, **named: object) -> None:
        pass

    def __call__(self, *arguments: object, **named: object) -> 'Inert':
        return self

    def __setitem__(self, key: object, value: object) -> None:
        pass

    __setstate__ = append = extend = add = __call__


class Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        return super().find_class(module, name) if (module, name) in ALLOWED else Inert


def load(path: Path) -> object:
    """What lies in a torch file of the zip format, with `Inert` for everything that is neither tensor nor container."""
    reader = SimpleNamespace(__name__=__name__, Unpickler=Unpickler)
    return torch.load(path, map_location='cpu', weights_only=False, pickle_module=reader)
