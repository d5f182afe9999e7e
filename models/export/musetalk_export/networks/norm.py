"""Group normalisation that keeps its digits in ONNX Runtime."""

from collections.abc import Callable

import torch
from torch import nn


def mean(x: torch.Tensor) -> torch.Tensor:
    """Of the two last axes, one after the other; both are kept."""
    return x.mean(-1, keepdim=True).mean(-2, keepdim=True)


class ExactGroupNorm(nn.GroupNorm):
    """GroupNorm whose sums are short.

    Exporters write GroupNorm as InstanceNormalization, and ONNX Runtime adds up all of a group in one single-precision
    register. Over 100,000 equal values, as in the blanked half of a face, the rounding goes one way: the mean of the
    group is 1e-4 of its deviation off. A sum of rows, then a sum of these sums, and a mean that is taken off before
    anything is squared give the digits back. In single precision also where the network is in half, whose squares
    end at 256.
    """

    def _apply(self, change: Callable, recurse: bool = True) -> nn.Module:
        """Its own weights stay in single precision too."""
        return self

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.float().unflatten(1, (self.num_groups, -1)).flatten(2, -2)
        rows = rows - mean(rows)
        rows = rows / torch.sqrt(mean(rows * rows) + self.eps)
        over = (-1,) + (1,) * (x.dim() - 2)
        return (rows.reshape(x.shape) * self.weight.reshape(over) + self.bias.reshape(over)).to(x.dtype)


def exact(module: nn.Module) -> nn.Module:
    """Make every GroupNorm inside a module an exact one, in place."""
    for child in module.modules():
        if type(child) is nn.GroupNorm:
            child.__class__ = ExactGroupNorm
    return module
