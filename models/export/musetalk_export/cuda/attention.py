"""Attention as one node of ONNX Runtime's own, for the CUDA variant.

Its fusions don't recognise the attention that torch exports, so the node is written as such from the start. The CPU
has a kernel for it too: the graph can be compared with its network before it is fused.
"""

import torch
from diffusers.models.attention_processor import Attention
from torch import nn


class Emit:
    """Attention processor of diffusers that writes a MultiHeadAttention node. Only for export: eagerly it computes nothing."""

    def __call__(
        self, attn: Attention, x: torch.Tensor, encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: None = None, temb: None = None,
    ) -> torch.Tensor:
        flat = x.flatten(2).transpose(1, 2) if x.dim() == 4 else x
        if attn.group_norm is not None:
            flat = attn.group_norm(flat.transpose(1, 2)).transpose(1, 2)
        context = flat if encoder_hidden_states is None else encoder_hidden_states
        q, k, v = attn.to_q(flat), attn.to_k(context), attn.to_v(context)
        mixed = torch.onnx.ops.symbolic(
            'com.microsoft::MultiHeadAttention', (q, k, v), {'num_heads': attn.heads}, dtype=q.dtype, shape=q.shape, version=1,
        )
        out = attn.to_out[0](mixed)
        if x.dim() == 4:
            out = out.transpose(1, 2).reshape(x.shape)
        return (out + x if attn.residual_connection else out) / attn.rescale_output_factor


def emit(module: nn.Module) -> None:
    """Let every attention inside a module be exported as one node."""
    for child in module.modules():
        if isinstance(child, Attention):
            child.set_processor(Emit())
