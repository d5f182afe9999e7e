"""Single to half precision for a fused graph, but for the nodes that make levels of the picture.

onnxruntime's converter is not used: of this graph it makes several nodes of one name, which no session loads, and it
rounds to half between every two nodes that are kept in single precision.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import onnx
from onnx import GraphProto, NodeProto, TensorProto, helper

from ..gate import GateError
from ..weights import Values

SINGLE = {'GroupNorm': (1, 2), 'SkipGroupNorm': (1, 2), 'Resize': (2,)}
"""Inputs that are single precision whatever the picture's type: scale and shift of norms, factors of resizing."""


def halve(model: onnx.ModelProto, values: Values) -> None:
    """Convert a graph in place, and what its weights hold; its inputs and outputs keep their types."""
    graph = model.graph
    last = tail(graph)
    # Nodes are told apart by what they make: Python's objects for them come and go.
    body = [node for node in graph.node if node.output[0] not in last]
    end = [node for node in graph.node if node.output[0] in last]
    made = {name for node in body for name in node.output}
    weights(graph, values, body, end)
    body = without_casts(body, end)
    casts = [*enter(graph, body), *leave(made, end)]
    del graph.node[:]
    graph.node.extend(sort([*casts, *body, *end]))
    # Types of before; the runtime infers them again.
    del graph.value_info[:]


def tail(graph: GraphProto) -> set[str]:
    """What is made after the last convolution: half has steps of 1/8 level above 128."""
    makers = {output: node for node in graph.node for output in node.output}

    def convolved(name: str) -> bool:
        node = makers[name]
        while node.op_type == 'Transpose' and node.input[0] in makers:
            node = makers[node.input[0]]
        return node.op_type == 'NhwcConv'

    found, ahead = set(), [graph.output[0].name]
    while ahead:
        name = ahead.pop()
        found.add(name)
        ahead.extend(given for given in makers[name].input if given in makers and not convolved(given))
    return found


def weights(graph: GraphProto, values: Values, body: list[NodeProto], end: list[NodeProto]) -> None:
    """Store in half what the body takes as such; a weight used in both precisions is stored in both."""
    stored = {tensor.name: tensor for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT}
    single = {name for node in end for name in node.input}
    places = []
    for node in body:
        keep = SINGLE.get(node.op_type, ())
        single.update(name for i, name in enumerate(node.input) if i in keep)
        places.extend((node, i, name) for i, name in enumerate(node.input) if name in stored and i not in keep)
    for name in dict.fromkeys(name for _, _, name in places):
        half = f'{name}.half' if name in single else name
        if name in single:
            graph.initializer.append(TensorProto(name=half, data_type=TensorProto.FLOAT16, dims=stored[name].dims))
        values[half] = partial(halved, name, values[name])
    for node, i, name in places:
        if name in single:
            node.input[i] = f'{name}.half'


def halved(name: str, held: Callable[[], np.ndarray]) -> np.ndarray:
    """@raises GateError when a weight is too big for half"""
    values = held().astype(np.float16)
    if not np.isfinite(values).all():
        raise GateError(f'{name} holds values beyond half precision')
    return values


def without_casts(body: list[NodeProto], end: list[NodeProto]) -> list[NodeProto]:
    """The body without casts between floating types: there all is half."""
    floating = (TensorProto.FLOAT, TensorProto.FLOAT16)
    gone = {node.output[0]: node.input[0] for node in body if node.op_type == 'Cast' and node.attribute[0].i in floating}
    for node in (*body, *end):
        for i, name in enumerate(node.input):
            while name in gone:
                name = gone[name]
            node.input[i] = name
    return [node for node in body if node.output[0] not in gone]


def enter(graph: GraphProto, body: list[NodeProto]) -> list[NodeProto]:
    """Casts of the inputs that come in single precision."""
    casts = []
    for given in graph.input:
        if given.type.tensor_type.elem_type == TensorProto.FLOAT:
            casts.append(cast(given.name, 'half', TensorProto.FLOAT16))
            for node in body:
                node.input[:] = [f'{given.name}.half' if name == given.name else name for name in node.input]
    return casts


def leave(made: set[str], end: list[NodeProto]) -> list[NodeProto]:
    """Casts of what the tail takes from the body."""
    names = dict.fromkeys(name for node in end for name in node.input if name in made)
    for node in end:
        node.input[:] = [f'{name}.single' if name in names else name for name in node.input]
    return [cast(name, 'single', TensorProto.FLOAT) for name in names]


def cast(name: str, to: str, kind: int) -> NodeProto:
    return helper.make_node('Cast', [name], [f'{name}.{to}'], f'{name}.{to}', to=kind)


def sort(nodes: list[NodeProto]) -> list[NodeProto]:
    """Every node behind those it takes from."""
    makers = {name: i for i, node in enumerate(nodes) for name in node.output if name}
    done: dict[int, None] = {}

    def visit(i: int) -> None:
        stack = [i]
        while stack:
            needs = [makers[name] for name in nodes[stack[-1]].input if name in makers and makers[name] not in done]
            if needs:
                stack.extend(needs)
            else:
                done[stack.pop()] = None

    for i in range(len(nodes)):
        visit(i)
    return [nodes[i] for i in done]
