"""The image autoencoder of the checkpoint, and `encode`: crop u8 [N, 256, 256, 3] RGB -> latent f32 [N, 8, 32, 32]."""

import torch
from diffusers import AutoencoderKL
from torch import nn

from ..checkpoints import Checkpoint, fill

SIDE, LATENT = 256, 32
NEW_NAMES = {'query': 'to_q', 'key': 'to_k', 'value': 'to_v', 'proj_attn': 'to_out.0'}
"""Attention as the published file names it and as diffusers does now."""
SCALING = 0.18215
"""diffusers' default; the published configuration does not mention it."""


def build(checkpoint: Checkpoint) -> AutoencoderKL:
    config = checkpoint.config
    tensors = dict(renamed(key, value) for key, value in checkpoint.tensors.items())
    with torch.device('meta'):
        vae = AutoencoderKL.from_config(config)
    return fill(vae, tensors, checkpoint.path)


def renamed(key: str, value: torch.Tensor) -> tuple[str, torch.Tensor]:
    *path, name, kind = key.split('.')
    if 'attentions' not in path or name not in NEW_NAMES:
        return key, value
    # Some writers keep the projections as 1x1 convolutions.
    return '.'.join([*path, NEW_NAMES[name], kind]), value.reshape(value.shape[:2]) if kind == 'weight' else value


class Encode(nn.Module):
    """Channels 0-3 of the latent: the crop with its lower half blanked; 4-7: the whole crop. Mean, scaled."""

    def __init__(self, vae: AutoencoderKL):
        super().__init__()
        self.encoder, self.quant_conv = vae.encoder, vae.quant_conv
        self.scaling = vae.config.get('scaling_factor', SCALING)
        self.register_buffer('upper', (torch.arange(SIDE) < SIDE // 2).float()[:, None])

    def forward(self, crop: torch.Tensor) -> torch.Tensor:
        whole = crop.permute(0, 3, 1, 2).float() / 255
        # Blanked before it is normalised: the lower half is -1, black, and not 0, grey.
        both = (torch.cat([whole * self.upper, whole]) - 0.5) / 0.5
        moments = self.quant_conv(self.encoder(both.to(self.quant_conv.weight.dtype)))
        mean = moments[:, :4] * self.scaling
        # Single precision in every bundle: Node's runtime takes no half-precision inputs.
        return mean.unflatten(0, (2, -1)).transpose(0, 1).flatten(1, 2).float()


def example() -> tuple[torch.Tensor, ...]:
    return (torch.zeros(2, SIDE, SIDE, 3, dtype=torch.uint8),)
