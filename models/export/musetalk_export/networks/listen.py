"""`listen`: pcm f32 [480000] -> states f32 [1500, 5, 384], the five states of whisper-tiny's encoder."""

import torch
from torch import nn
from torch.nn import functional as F

from ..checkpoints import Checkpoint, fill
from ..layout import CheckpointError
from .mel import SAMPLES, LogMel

PREFIXES = ('model.encoder.', 'encoder.')
"""Some writers keep the model without the head around it."""
SETTINGS = ('d_model', 'num_mel_bins', 'max_source_positions', 'encoder_attention_heads', 'encoder_ffn_dim', 'encoder_layers')
"""Of the configuration: all that the network depends on."""
LAYERS = 5
"""States: the stem's output, then that of every layer; the last one after the final norm."""


class Attention(nn.Module):
    """Self-attention; keys have no bias."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q_proj, self.v_proj, self.out_proj = (nn.Linear(width, width) for _ in range(3))
        self.k_proj = nn.Linear(width, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Pre-norm transformer layer with the exact GELU."""

    def __init__(self, width: int, heads: int, inner: int):
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.self_attn_layer_norm, self.final_layer_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.self_attn(self.self_attn_layer_norm(x))
        return x + self.fc2(F.gelu(self.fc1(self.final_layer_norm(x))))


class Encoder(nn.Module):
    """log-mel f32 [1, 80, 3000] -> states [1, 1500, 5, 384]. Module names are those of the checkpoint."""

    def __init__(self, config: dict):
        super().__init__()
        width, mels = config['d_model'], config['num_mel_bins']
        self.conv1, self.conv2 = nn.Conv1d(mels, width, 3, 1, 1), nn.Conv1d(width, width, 3, 2, 1)
        self.embed_positions = nn.Embedding(config['max_source_positions'], width)
        heads, inner = config['encoder_attention_heads'], config['encoder_ffn_dim']
        self.layers = nn.ModuleList(Layer(width, heads, inner) for _ in range(config['encoder_layers']))
        self.layer_norm = nn.LayerNorm(width)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        x = F.gelu(self.conv2(F.gelu(self.conv1(mel)))).transpose(1, 2) + self.embed_positions.weight
        states = [x]
        for layer in self.layers:
            x = layer(x)
            states.append(x)
        return torch.stack([*states[:-1], self.layer_norm(x)], 2)


class Listen(nn.Module):
    def __init__(self, encoder: Encoder):
        super().__init__()
        self.mel, self.encoder = LogMel(), encoder

    def forward(self, pcm: torch.Tensor) -> torch.Tensor:
        return self.encoder(self.mel(pcm))[0]


def build(checkpoint: Checkpoint) -> Listen:
    config = checkpoint.config
    if (config['d_model'], config['encoder_layers'] + 1, config['num_mel_bins']) != (384, LAYERS, 80):
        raise CheckpointError(f'{checkpoint.path} is not a whisper-tiny: its configuration says {config}')
    prefix = next((prefix for prefix in PREFIXES if any(key.startswith(prefix) for key in checkpoint.tensors)), PREFIXES[0])
    tensors = {key.removeprefix(prefix): value for key, value in checkpoint.tensors.items() if key.startswith(prefix)}
    return Listen(fill(Encoder(config), tensors, checkpoint.path)).eval()


def example() -> tuple[torch.Tensor, ...]:
    return (torch.zeros(SAMPLES),)
