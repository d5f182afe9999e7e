"""Runs an exported graph so that its inner values show, or some of its parts alone."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper

Inputs = dict[str, tuple[int, int]]
"""ONNX type and number of axes of every input."""


def whole(path: Path, inner: list[str]) -> ort.InferenceSession:
    """The graph in `path`, with these values as outputs beside its own."""
    model = onnx.load(path)
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in inner)
    return session(model)


def parts(model: onnx.ModelProto, names: list[str], inputs: Inputs, outputs: list[str]) -> ort.InferenceSession:
    """The parts with these names, on their own."""
    def mine(name: str) -> bool:
        return name.split('.', 1)[0] in names

    graph = helper.make_graph(
        [node for node in model.graph.node if mine(node.name)], 'parts',
        [helper.make_tensor_value_info(name, kind, [None] * axes) for name, (kind, axes) in inputs.items()],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [weight for weight in model.graph.initializer if mine(weight.name)],
    )
    return session(helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version))


def session(model: onnx.ModelProto) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options, ['CPUExecutionProvider'])


def run(face: ort.InferenceSession, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All outputs by name."""
    return dict(zip([value.name for value in face.get_outputs()], face.run(None, inputs)))
