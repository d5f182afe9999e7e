"""The graphs of the bundle: which checkpoints each is made of, how to build its network, how far off it may be."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from . import write
from .checkpoints import Checkpoint
from .gate import GateError, Limit
from .layout import PARSE, UNET, VAE, WHISPER, Source
from .networks import generate, listen, parse, unet, vae
from .networks.norm import exact

Checkpoints = dict[Source, Checkpoint]


@dataclass(frozen=True)
class Graph:
    name: str
    sources: tuple[Source, ...]
    inputs: tuple[str, ...]
    output: str
    network: Callable[[Checkpoints], nn.Module]
    example: Callable[[], tuple[torch.Tensor, ...]]
    """Inputs of a batch of 2."""
    limit: Limit
    """Of a graph in single precision; the measured errors are in README.md."""
    half: Limit | None = None
    """Of a graph in half precision against the network in single; None where the graph stays in single."""
    batched: bool = True


def encode_network(checkpoints: Checkpoints) -> nn.Module:
    return vae.Encode(exact(vae.build(checkpoints[VAE]))).eval()


def generate_network(checkpoints: Checkpoints) -> nn.Module:
    return generate.Generate(unet.build(checkpoints[UNET]), vae.build(checkpoints[VAE])).eval()


# In the order of the self-test, in which `generate` is fed what `encode` made.
GRAPHS = (
    Graph(
        'listen', (WHISPER,), ('pcm',), 'states', lambda made: listen.build(made[WHISPER]), listen.example,
        Limit(2e-5, 2e-6), batched=False,
    ),
    Graph(
        'encode', (VAE,), ('crop',), 'latent', encode_network, vae.example, Limit(2e-4, 1e-5), Limit(0.15, 5e-3),
    ),
    Graph(
        'parse', (PARSE,), ('image',), 'classes', lambda made: parse.build(made[PARSE]), parse.example,
        Limit(1, 1e-3, names=True),
    ),
    Graph(
        'generate', (UNET, VAE), ('latent', 'prompt'), 'face', generate_network, generate.example, Limit(1, 5e-3), Limit(4, 0.5),
    ),
)


def portable(graph: Graph, network: nn.Module, path: Path, half: bool) -> None:
    """Write one graph of ordinary operators.

    @param network in half precision from then on, where `half` says so
    @raises GateError when a weight is too big for half
    """
    if half:
        network.half()
        beyond = [name for name, tensor in network.state_dict().items() if tensor.is_floating_point() and not tensor.isfinite().all()]
        if beyond:
            raise GateError(f'{beyond[0]} holds values beyond half precision')
    write.export(network, graph.example(), graph.inputs, graph.output, path, graph.batched)
