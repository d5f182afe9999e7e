"""Writes a fused graph with ordinary nodes again, so that the CPU can run it.

CUDA's norms and channels-last convolutions have no CPU kernels. Their meaning, spelled out, is run instead: it proves
that the fused graph is wired right and what half precision does to it, not that the CUDA kernels are right.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TO_LAST, TO_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]


def unfuse(model: onnx.ModelProto) -> None:
    """Replace every GroupNorm, SkipGroupNorm and NhwcConv, in place."""
    graph = model.graph
    nodes = []
    for node in graph.node:
        nodes.extend({'NhwcConv': convolution, 'GroupNorm': norm, 'SkipGroupNorm': skip_norm}.get(node.op_type, kept)(node, graph))
    del graph.node[:]
    graph.node.extend(nodes)


def kept(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    return [node]


def convolution(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    x, weight, *bias = node.input
    out = node.output[0]
    plain = helper.make_node('Conv', [f'{out}.x', f'{out}.w', *bias], [f'{out}.y'])
    plain.attribute.extend(node.attribute)
    return [
        helper.make_node('Transpose', [x], [f'{out}.x'], perm=TO_FIRST),
        helper.make_node('Transpose', [weight], [f'{out}.w'], perm=TO_FIRST),
        plain,
        helper.make_node('Transpose', [f'{out}.y'], [out], perm=TO_LAST),
    ]


def skip_norm(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    x, scale, shift, skip = node.input
    total = node.output[1] if len(node.output) > 1 else f'{node.output[0]}.sum'
    made = helper.make_node('GroupNorm', [total, scale, shift], node.output[:1])
    made.attribute.extend(node.attribute)
    return [helper.make_node('Add', [x, skip], [total]), *norm(made, graph)]


def norm(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Single precision inside, as CUDA's kernel has it; SiLU where the node asks for it."""
    (x, scale, shift), out = node.input, node.output[0]
    said = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    groups = said['groups']
    for name, values in (('ones', np.ones), ('zeros', np.zeros)):
        graph.initializer.append(numpy_helper.from_array(values(groups, np.float32), f'{out}.{name}'))
    graph.initializer.append(numpy_helper.from_array(np.array([0, groups, -1], np.int64), f'{out}.groups'))
    kind = next((item.data_type for item in graph.initializer if item.name == scale), TensorProto.FLOAT)
    assert kind == TensorProto.FLOAT, f'{scale} must be single precision'
    last = f'{out}.last'
    steps = [
        helper.make_node('Cast', [x], [f'{out}.single'], to=TensorProto.FLOAT),
        helper.make_node('Transpose', [f'{out}.single'], [f'{out}.first'], perm=TO_FIRST),
        helper.make_node('Reshape', [f'{out}.first', f'{out}.groups'], [f'{out}.grouped']),
        helper.make_node(
            'InstanceNormalization', [f'{out}.grouped', f'{out}.ones', f'{out}.zeros'], [f'{out}.even'],
            epsilon=said['epsilon'],
        ),
        helper.make_node('Shape', [f'{out}.first'], [f'{out}.dims']),
        helper.make_node('Reshape', [f'{out}.even', f'{out}.dims'], [f'{out}.flat']),
        helper.make_node('Transpose', [f'{out}.flat'], [f'{out}.normal'], perm=TO_LAST),
        helper.make_node('Mul', [f'{out}.normal', scale], [f'{out}.scaled']),
        helper.make_node('Add', [f'{out}.scaled', shift], [last]),
    ]
    if said['activation']:
        steps.append(helper.make_node('Sigmoid', [last], [f'{out}.sigmoid']))
        steps.append(helper.make_node('Mul', [last, f'{out}.sigmoid'], [f'{out}.silu']))
        last = f'{out}.silu'
    return [*steps, helper.make_node('Cast', [last], [out], to=TensorProto.FLOAT16)]
