"""Export of the mouth graphs: torch module -> ONNX file with a dynamic first dimension."""

import warnings
from pathlib import Path

import onnx
import torch


def export(module, example, path: Path, inputs, outputs, dynamic) -> None:
    """`dynamic`: names whose first dimension is free. Opset 17, standard operators."""
    path.parent.mkdir(parents=True, exist_ok=True)
    module.eval()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, example, str(path), input_names=inputs, output_names=outputs, opset_version=17,
                          dynamo=False, dynamic_axes={name: {0: "n"} for name in dynamic})
    model = hide_ranks(onnx.load(str(path)), [name for name in inputs if name in dynamic])
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def hide_ranks(model, inputs):
    """Keeps ONNX Runtime from knowing the shapes of what is made of `inputs` while it loads a graph. Changes `model`.

    It would compare every tensor whose shape it knows with every other, to use their memory again: for the 1500 small tensors of
    `generate` that takes most of the time that loading takes, and none is gained when it runs. A shape is hidden by
    a reshape to itself, in a way that could change the number of dimensions. `inputs` have a free dimension.
    """
    graph = model.graph
    nodes = []
    for name in inputs:
        for node in graph.node:
            node.input[:] = [f"{name}_hidden" if used == name else used for used in node.input]
        nodes += [
            onnx.helper.make_node("Shape", [name], [f"{name}_shape"]),
            onnx.helper.make_node("Cast", [f"{name}_shape"], [f"{name}_all"], to=onnx.TensorProto.BOOL),
            onnx.helper.make_node("Compress", [f"{name}_shape", f"{name}_all"], [f"{name}_same"]),
            onnx.helper.make_node("Reshape", [name, f"{name}_same"], [f"{name}_hidden"]),
        ]
    for node in reversed(nodes):
        graph.node.insert(0, node)
    return model
