"""Writes a network as ONNX: named dimensions, no trace of the build machine, the same bytes every time."""

from pathlib import Path

import onnx
import onnx_ir
import torch
from torch import nn

OPSET = 20
"""From 21 on GroupNormalization is one node, which onnxruntime's fusions do not know."""
EXTERNAL_BYTES = 1_500_000_000
"""Protocol buffers end at 2 GB: above this, weights lie in a file of their own."""
MAX_BATCH = 64


def export(
    network: nn.Module, example: tuple[torch.Tensor, ...], inputs: tuple[str, ...], output: str, path: Path, batched: bool,
) -> None:
    """Write `network` to `path`, and its weights beside it where they are big.

    @param example batch of 2: a batch of 1 would be taken for a constant
    """
    batch = torch.export.Dim('N', min=1, max=MAX_BATCH)
    program = torch.onnx.export(
        network, example, input_names=list(inputs), output_names=[output], opset_version=OPSET, dynamo=True, verbose=False,
        dynamic_shapes=tuple({0: batch} for _ in example) if batched else None,
    )
    strip(program.model)
    big = sum(value.const_value.nbytes for value in program.model.graph.initializers.values()) > EXTERNAL_BYTES
    onnx_ir.save(program.model, path, external_data=data_of(path).name if big else None)


def strip(model: onnx_ir.Model) -> None:
    """Remove the stack traces that the exporter leaves at every node, with paths of this machine."""
    model.metadata_props.clear()
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


def save(model: onnx.ModelProto, path: Path) -> None:
    """Write a graph that is in memory, its weights beside it where they are big."""
    data_of(path).unlink(missing_ok=True)
    big = sum(len(tensor.raw_data) for tensor in model.graph.initializer) > EXTERNAL_BYTES
    onnx.save_model(model, path, save_as_external_data=big, location=data_of(path).name)
    if big:
        onnx.external_data_helper.load_external_data_for_model(model, str(path.parent))


def data_of(path: Path) -> Path:
    """Where the weights of the graph at `path` lie, if they are big."""
    return path.with_name(f'{path.name}.data')


def files(path: Path) -> list[Path]:
    """The graph and, where it has one, the file of its weights."""
    return [file for file in (path, data_of(path)) if file.exists()]


def dims(path: Path, name: str) -> list[int | str]:
    """Dimensions of an input or output; a name where it is open."""
    graph = onnx.load(path, load_external_data=False).graph
    value = next(value for value in (*graph.input, *graph.output) if value.name == name)
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
