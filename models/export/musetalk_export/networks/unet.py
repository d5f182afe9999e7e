"""MuseTalk's UNet at time step 0, without its time embedding."""

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.resnet import ResnetBlock2D
from torch import nn
from torch.nn import functional as F

from ..checkpoints import Checkpoint, fill
from .folds import time_bias


def build(checkpoint: Checkpoint) -> 'Unet':
    config = checkpoint.config
    with torch.device('meta'):
        unet = UNet2DConditionModel.from_config(config)
    return Unet(fill(unet, checkpoint.tensors, checkpoint.path))


def fold_time(unet: UNet2DConditionModel) -> None:
    """Add what the embedding of time 0 contributes to each resnet to the bias of its first convolution."""
    embedding = [
        parameter.numpy()
        for layer in (unet.time_embedding.linear_1, unet.time_embedding.linear_2) for parameter in (layer.weight, layer.bias)
    ]
    for block in unet.modules():
        if isinstance(block, ResnetBlock2D) and block.time_emb_proj is not None:
            own = [tensor.numpy() for tensor in (block.conv1.bias, block.time_emb_proj.weight, block.time_emb_proj.bias)]
            # A new tensor: the old one may be the checkpoint's own.
            block.conv1.bias = nn.Parameter(torch.from_numpy(time_bias(*own, *embedding)), requires_grad=False)
            block.time_emb_proj = None


class Unet(nn.Module):
    """latent [N, 8, 32, 32], prompt [N, 50, 384] with positions -> latent [N, 4, 32, 32]. One pass: no diffusion."""

    def __init__(self, unet: UNet2DConditionModel):
        super().__init__()
        fold_time(unet)
        self.conv_in, self.down, self.mid, self.up = unet.conv_in, unet.down_blocks, unet.mid_block, unet.up_blocks
        self.conv_norm_out, self.conv_out = unet.conv_norm_out, unet.conv_out

    def forward(self, latent: torch.Tensor, prompt: torch.Tensor) -> torch.Tensor:
        x = self.conv_in(latent)
        skips = [x]
        for block in self.down:
            x, kept = block(hidden_states=x, **self.context(block, prompt))
            skips.extend(kept)
        x = self.mid(x, encoder_hidden_states=prompt)
        for block in self.up:
            count = len(block.resnets)
            taken = tuple(skips[-count:])
            del skips[-count:]
            x = block(hidden_states=x, res_hidden_states_tuple=taken, **self.context(block, prompt))
        return self.conv_out(F.silu(self.conv_norm_out(x)))

    @staticmethod
    def context(block: nn.Module, prompt: torch.Tensor) -> dict:
        return {'encoder_hidden_states': prompt} if getattr(block, 'has_cross_attention', False) else {}
