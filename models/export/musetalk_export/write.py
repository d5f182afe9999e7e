"""Writes a network as ONNX: named dimensions, no trace of the build machine, the same bytes every time."""

from pathlib import Path

import onnx_ir
import torch
from torch import nn

from .optimize import optimize
from .weights import Weights, save

OPSET = 20
"""From 21 on GroupNormalization is one node, which onnxruntime's fusions do not know."""
MAX_BATCH = 64
PRODUCER = 'musetalk_export'


def export(
    network: nn.Module, example: tuple[torch.Tensor, ...], inputs: tuple[str, ...], output: str, path: Path, batched: bool,
) -> None:
    """Write `network` to `path`, and its weights beside it.

    @param example batch of 2: a batch of 1 would be taken for a constant
    """
    batch = torch.export.Dim('N', min=1, max=MAX_BATCH)
    shapes = tuple({0: batch} for _ in example) if batched else None
    model = converted(network, example, list(inputs), [output], shapes)
    save(model, path, Weights(data_of(path)))


def converted(
    network: nn.Module, example: tuple[torch.Tensor, ...], inputs: list[str], outputs: list[str], shapes: tuple | None,
) -> onnx_ir.Model:
    program = torch.onnx.export(
        network, example, input_names=inputs, output_names=outputs, opset_version=OPSET, dynamo=True, verbose=False,
        dynamic_shapes=shapes, optimize=False,
    )
    optimize(program.model)
    strip(program.model)
    return program.model


def strip(model: onnx_ir.Model) -> None:
    """Remove the stack traces that the exporter leaves at every node, with paths of this machine, and which torch it was."""
    model.metadata_props.clear()
    model.producer_name, model.producer_version = PRODUCER, None
    for graph in model.graphs():
        graph.metadata_props.clear()
        graph.doc_string = None
        for value in (*graph.inputs, *graph.initializers.values()):
            value.metadata_props.clear()
        for node in graph:
            node.metadata_props.clear()
            node.doc_string = None
            for value in node.outputs:
                value.metadata_props.clear()


def data_of(path: Path) -> Path:
    """Where the weights of the graph at `path` lie."""
    return path.with_name(f'{path.name}.data')


def files(path: Path) -> list[Path]:
    """The graph and the file of its weights."""
    return [path, data_of(path)]
