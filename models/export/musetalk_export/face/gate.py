"""The gate of an export: both networks in the finished graphs against PyTorch, on what the graphs feed them."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from ..gate import Limit, seeded
from . import inner, parts

MAPS, LOGITS = Limit(1e-2, 1e-4), Limit(1e-3, 1e-4)
SIZES = ((384, 480), (960, 704))
"""Of the pictures, px high and wide; neither is the exporter's example, and `face` shrinks the second."""


@torch.no_grad()
def against_networks(graph: str, path: Path, pixels: str, detector: nn.Module, pose: nn.Module | None) -> None:
    """@param pixels name of the detector's input; @param pose None where its graph was taken as it is; @raises GateError"""
    face = inner.whole(path, [pixels, *parts.MAPS, 'picture', 'simcc_x', 'simcc_y'])
    for size in SIZES:
        image = seeded((torch.zeros(1, *size, 3, dtype=torch.uint8),), None)[0][0]
        found = inner.run(face, {'image': image})
        maps = detector(torch.from_numpy(found[pixels]))[2:]
        together = [np.concatenate([np.ravel(values) for values in group]) for group in ([found[name] for name in parts.MAPS], maps)]
        MAPS.check(f'{graph}: S3FD, {size[1]}x{size[0]}', *together)
        if pose is None:
            continue
        for name, logits in zip(('simcc_x', 'simcc_y'), pose(torch.from_numpy(found['picture']))):
            LOGITS.check(f'{graph}: {name}, {size[1]}x{size[0]}', found[name], logits.numpy())
