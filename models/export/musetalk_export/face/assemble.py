"""Joins ONNX graphs into one, whose inner values keep readable names."""

import onnx
from onnx import TensorProto, helper

OPSET = 20
IR_VERSION = 10


class Assembly:
    """A graph that grows part by part. What a part calls its own gets the part's name in front."""

    def __init__(self, name: str, inputs: list[onnx.ValueInfoProto]):
        self.graph = helper.make_graph([], name, inputs, [])

    def add(self, part: onnx.ModelProto, name: str, inputs: list[str], outputs: list[str]) -> None:
        """Append `part`, fed by these values; its outputs get these names."""
        own = [value.name for value in (*part.graph.input, *part.graph.output)]
        names = {'': ''} | dict(zip(own, (*inputs, *outputs), strict=True))

        def rename(value: str) -> str:
            return names.setdefault(value, f'{name}.{value}')

        for weight in part.graph.initializer:
            added = self.graph.initializer.add()
            added.CopyFrom(weight)
            added.name = rename(weight.name)
        for node in part.graph.node:
            added = self.graph.node.add()
            added.CopyFrom(node)
            added.name = f'{name}.{node.name or node.output[0]}'
            added.input[:] = map(rename, node.input)
            added.output[:] = map(rename, node.output)
            added.doc_string = ''

    def model(self, outputs: dict[str, tuple[int, ...]]) -> onnx.ModelProto:
        """The finished graph with these f32 outputs and their shapes."""
        self.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items())
        model = helper.make_model(self.graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return model
