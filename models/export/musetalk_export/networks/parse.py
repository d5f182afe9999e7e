"""`parse`: image u8 [N, 512, 512, 3] RGB -> classes u8 [N, 512, 512], CelebAMask-HQ order."""

import torch
from torch import nn

from ..checkpoints import Checkpoint, fill
from .bisenet import BiSeNet

SIDE = 512
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, of 0..1
AUXILIARY = ('conv_out16.', 'conv_out32.')
"""Heads that only training looks at."""


class Parse(nn.Module):
    def __init__(self, network: BiSeNet):
        super().__init__()
        self.network = network
        for name, values in (('mean', MEAN), ('deviation', DEVIATION)):
            self.register_buffer(name, torch.tensor(values).reshape(3, 1, 1))

    def scores(self, image: torch.Tensor) -> torch.Tensor:
        """f32 [N, 19, 512, 512]."""
        return self.network((image.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.deviation)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.scores(image).argmax(1).to(torch.uint8)


def build(checkpoint: Checkpoint) -> Parse:
    return Parse(fill(BiSeNet(), checkpoint.tensors, checkpoint.path, AUXILIARY)).eval()


def example() -> tuple[torch.Tensor, ...]:
    return (torch.zeros(2, SIDE, SIDE, 3, dtype=torch.uint8),)
