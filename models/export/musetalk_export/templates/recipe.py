"""How the weights of a graph are made of the tensors of checkpoints; models/musetalk-v1.5/README.md says it in words."""

from dataclasses import dataclass

import numpy as np

from ..networks import folds

Tensors = dict[str, dict[str, np.ndarray]]
"""By slot and name."""


@dataclass(frozen=True)
class Making:
    """One weight."""

    slot: str
    make: str
    tensors: tuple[str, ...]
    permute: tuple[int, ...] | None = None
    half: bool = False

    def apply(self, tensors: Tensors) -> np.ndarray:
        array = MAKERS[self.make](*(tensors[self.slot][name] for name in self.tensors))
        if self.permute:
            array = array.transpose(self.permute)
        return array.astype(np.float16) if self.half else array

    def described(self) -> dict:
        """As it stands in a recipe."""
        told = {'slot': self.slot, 'make': self.make, 'tensors': list(self.tensors)}
        if self.make.startswith('norm'):
            told['epsilon'] = folds.EPSILON
        if self.permute:
            told['permute'] = list(self.permute)
        return told | ({'half': True} if self.half else {})


MAKERS = {
    'copy': lambda tensor: tensor,
    'norm-weight': folds.norm_weight,
    'norm-bias': folds.norm_bias,
    'time-bias': folds.time_bias,
}


def making(told: dict) -> Making:
    """From a part of a recipe."""
    permute = told.get('permute')
    return Making(told['slot'], told['make'], tuple(told['tensors']), permute and tuple(permute), told.get('half', False))
