"""The public ONNX file of the pose network, as a part.

Its convolutions are fused and its weights have no names to go by, so its graph is taken as it is.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, parser, version_converter

from ..layout import CheckpointError
from .assemble import OPSET, Assembly
from .rtmpose import BINS_PER_PX, HEIGHT, POINTS, WIDTH

INPUT = (3, HEIGHT, WIDTH)
PLAIN, MIRRORED = 'pose.plain.', 'pose.mirrored.'
"""Before the names of what a network for one picture holds twice."""
OUTPUTS = {'simcc_x': (POINTS, BINS_PER_PX * WIDTH), 'simcc_y': (POINTS, BINS_PER_PX * HEIGHT)}
APART = '''<ir_version: 10, opset_import: ["" : 20]>
apart (float[2,3,H,W] input) => (float[1,3,H,W] plain, float[1,3,H,W] mirrored) {
  plain, mirrored = Split<axis = 0, num_outputs = 2>(input)
}'''
TOGETHER = '''<ir_version: 10, opset_import: ["" : 20]>
together (float[1,P,B] plain, float[1,P,B] mirrored) => (float[2,P,B] both) { both = Concat<axis = 0>(plain, mirrored) }'''


def public_pose(file: Path) -> onnx.ModelProto:
    """input f32 [2,3,384,288] -> simcc_x f32 [2,133,576], simcc_y f32 [2,133,768].

    @raises CheckpointError when the file's input or outputs are other ones
    """
    model = onnx.load(file)
    weights = {weight.name for weight in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    outputs = {value.name: value for value in model.graph.output}
    if len(inputs) != 1 or set(outputs) != set(OUTPUTS):
        names = [value.name for value in inputs]
        raise CheckpointError(f'{file} is not the pose network: it turns {names} into {list(outputs)}, not one picture into {list(OUTPUTS)}')
    single = inputs[0].type.tensor_type.shape.dim[0].dim_value == 1
    # Old exporters list the weights as inputs too.
    del model.graph.input[:]
    model.graph.input.append(inputs[0])
    del model.graph.output[:]
    model.graph.output.extend(outputs[name] for name in OUTPUTS)
    model = version_converter.convert_version(model, OPSET)
    pair = twice(model) if single else model
    found = shapes(pair)
    if found != {name: (2, *shape) for name, shape in OUTPUTS.items()}:
        raise CheckpointError(f'{file} is not the pose network: of two pictures it makes {found}')
    return pair


def shapes(pose: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """What comes of two black pictures. The file itself often does not say."""
    session = ort.InferenceSession(pose.SerializeToString(), providers=['CPUExecutionProvider'])
    feed = {session.get_inputs()[0].name: np.zeros((2, *INPUT), np.float32)}
    return {name: value.shape for name, value in zip(OUTPUTS, session.run(list(OUTPUTS), feed))}


def twice(pose: onnx.ModelProto) -> onnx.ModelProto:
    """A network for one picture, side by side with itself for the mirrored one."""
    graph = Assembly('pose', [helper.make_tensor_value_info('input', TensorProto.FLOAT, [2, *INPUT])])
    views = ['plain', 'mirrored']
    graph.add(parser.parse_model(APART), 'apart', ['input'], views)
    for view in views:
        graph.add(pose, view, [view], [f'{view}_{name}' for name in OUTPUTS])
    for name in OUTPUTS:
        graph.add(parser.parse_model(TOGETHER), name, [f'{view}_{name}' for view in views], [name])
    return graph.model({name: (2, *shape) for name, shape in OUTPUTS.items()})
