"""`generate`: latent f32 [N, 8, 32, 32], prompt f32 [N, 50, 384] -> face u8 [N, 256, 256, 3] RGB."""

import mpmath
import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import nn

from .exact import rounded
from .unet import Unet
from .vae import LATENT, SCALING

TOKENS, WIDTH = 50, 384


def positions() -> torch.Tensor:
    """Sine and cosine, interleaved, of 192 frequencies over the 50 rows of a prompt: f32 [50, 384]."""
    waves = [mpmath.exp(-mpmath.log(10_000) * i / WIDTH) for i in range(0, WIDTH, 2)]
    codes = [function(row * wave) for row in range(TOKENS) for wave in waves for function in (mpmath.sin, mpmath.cos)]
    return torch.from_numpy(rounded(codes).astype(np.float32).reshape(TOKENS, WIDTH))


class Generate(nn.Module):
    def __init__(self, unet: Unet, vae: AutoencoderKL):
        super().__init__()
        self.unet, self.post_quant_conv, self.decoder = unet, vae.post_quant_conv, vae.decoder
        self.scaling = vae.config.get('scaling_factor', SCALING)
        self.register_buffer('positions', positions())

    def forward(self, latent: torch.Tensor, prompt: torch.Tensor) -> torch.Tensor:
        kind = self.unet.conv_in.weight.dtype
        z = self.unet(latent.to(kind), prompt.to(kind) + self.positions)
        picture = self.decoder(self.post_quant_conv(z / self.scaling))
        # In single precision always: half has steps of 1/8 level above 128.
        levels = (picture.float() / 2 + 0.5).clamp(0, 1) * 255
        return levels.round().to(torch.uint8).permute(0, 2, 3, 1)


def example() -> tuple[torch.Tensor, ...]:
    return torch.zeros(2, 8, LATENT, LATENT), torch.zeros(2, TOKENS, WIDTH)
