"""Stores fp16-exact weights of an ONNX graph as fp16: half the file, the same numbers."""

import numpy as np
import onnx
from onnx import numpy_helper


def store_halves(model, least=64):
    """Float32 initializers of `least` numbers or more that fp16 holds exactly become fp16 + Cast. Changes `model`."""
    graph = model.graph
    casts = []
    for weight in graph.initializer:
        if weight.data_type != onnx.TensorProto.FLOAT:
            continue
        value = numpy_helper.to_array(weight)
        half = value.astype(np.float16)
        if value.size < least or not np.array_equal(half.astype(np.float32), value):
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(half, f'{name}_half'))
        casts.append(onnx.helper.make_node('Cast', [f'{name}_half'], [name], to=onnx.TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)
    return model
