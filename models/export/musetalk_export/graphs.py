"""The graphs of the bundle: which checkpoints each is made of, and how to build its network."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from . import generate, listen, parse, unet, vae
from .checkpoints import Checkpoint
from .layout import PARSE, UNET, VAE, WHISPER, Source
from .norm import centre

Checkpoints = dict[Source, Checkpoint]


@dataclass(frozen=True)
class Graph:
    name: str
    sources: tuple[Source, ...]
    inputs: tuple[str, ...]
    output: str
    network: Callable[[Checkpoints], nn.Module]
    example: Callable[[torch.dtype], tuple[torch.Tensor, ...]]
    """By the type of the latent: inputs of a batch of 2."""
    batched: bool = True


def encode_network(checkpoints: Checkpoints) -> nn.Module:
    return vae.Encode(centre(vae.build(checkpoints[VAE]))).eval()


def generate_network(checkpoints: Checkpoints) -> nn.Module:
    return generate.Generate(unet.build(checkpoints[UNET]), vae.build(checkpoints[VAE])).eval()


# In the order of the self-test, in which `generate` is fed what `encode` made.
GRAPHS = (
    Graph(
        'listen', (WHISPER,), ('pcm',), 'states', lambda made: listen.build(made[WHISPER]), lambda _: listen.example(), False,
    ),
    Graph('encode', (VAE,), ('crop',), 'latent', encode_network, lambda _: vae.example()),
    Graph('parse', (PARSE,), ('image',), 'classes', lambda made: parse.build(made[PARSE]), lambda _: parse.example()),
    Graph('generate', (UNET, VAE), ('latent', 'prompt'), 'face', generate_network, generate.example),
)
