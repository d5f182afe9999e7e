"""The two graphs of a bundle: `face_reference` sees what MuseTalk's own code sees, `face` looks closer at the face."""

import onnx
from onnx import TensorProto, helper, parser

from . import parts
from .assemble import Assembly

LONGEST = 640
"""Px: the detector of `face` sees no more than this."""
STEP = 32
"""Px: and only sides that are multiples of this. Every new size of a picture costs a GPU a search for the fastest
convolutions, and the window around a followed face has a new size in nearly every frame."""
ROOM = 3.0
"""The pose network of `face` sees a view so many times as high as the detector's box."""

# ONNX text: pixels f32 [1,3,H,W] of the whole frame.
WHOLE = '''<ir_version: 10, opset_import: ["" : 20]>
whole (uint8[H,W,3] image) => (float[1,3,H,W] pixels) {
  planes = Transpose<perm = [2, 0, 1]>(image)
  first = Constant<value_ints = [0]>()
  picture = Unsqueeze(planes, first)
  pixels = Cast<to = 1>(picture)
}'''
# The reference cuts its fallback box at 0 and to whole px.
WHOLE_BOX = '''<ir_version: 10, opset_import: ["" : 20]>
whole_box (float[4] found) => (float[4] box) {
  zero = Constant<value_float = 0.0>()
  positive = Max(found, zero)
  box = Floor(positive)
}'''
SHRUNK = f'''<ir_version: 10, opset_import: ["" : 20]>
shrunk (float[1,3,H,W] pixels) => (float[1,3,h,w] smaller, float[4] back) {{
  sides = Shape<start = 2>(pixels)
  is = Cast<to = 1>(sides)
  most = Constant<value_float = {float(LONGEST)}>()
  one = Constant<value_float = 1.0>()
  step = Constant<value_float = {float(STEP)}>()
  longer = ReduceMax<keepdims = 0>(is)
  over = Div(longer, most)
  shrink = Max(over, one)
  coarse = Mul(shrink, step)
  exact = Div(is, coarse)
  nearest = Round(exact)
  steps = Max(nearest, one)
  becomes = Mul(steps, step)
  target = Cast<to = 7>(becomes)
  outer = Shape<end = 2>(pixels)
  shape = Concat<axis = 0>(outer, target)
  smaller = Resize<antialias = 1, mode = "linear", coordinate_transformation_mode = "half_pixel">(pixels, , , shape)
  factors = Div(is, becomes)
  swap = Constant<value_ints = [1, 0, 1, 0]>()
  back = Gather(factors, swap)
}}'''
SCALED_BOX = '''<ir_version: 10, opset_import: ["" : 20]>
scaled_box (float[4] found, float[4] back) => (float[4] box) { box = Mul(found, back) }'''

BOXES = '''<ir_version: 10, opset_import: ["" : 20]>
list (float[4] box) => (float[1,4] boxes) {
  first = Constant<value_ints = [0]>()
  boxes = Unsqueeze(box, first)
}'''


def reference(detector: onnx.ModelProto, pose: onnx.ModelProto) -> onnx.ModelProto:
    """image u8 [H,W,3] RGB -> boxes, scores, landmarks by the reference's own steps, at full resolution."""
    graph = started('face_reference')
    graph.add(detector, 'detector', ['pixels'], ['found', 'scores', *parts.MAPS])
    graph.add(parser.parse_model(WHOLE_BOX), 'whole_box', ['found'], ['box'])
    graph.add(parts.reference_view(), 'view', ['image'], parts.VIEW)
    return finished(graph, pose)


def tracked(detector: onnx.ModelProto, pose: onnx.ModelProto) -> onnx.ModelProto:
    """The same, by a detector that sees a smaller frame and a pose network that sees the face and its surroundings."""
    graph = started('face')
    graph.add(parser.parse_model(SHRUNK), 'shrunk', ['pixels'], ['smaller', 'back'])
    graph.add(detector, 'detector', ['smaller'], ['found', 'scores', *parts.MAPS])
    graph.add(parser.parse_model(SCALED_BOX), 'scaled_box', ['found', 'back'], ['box'])
    graph.add(parts.face_view(ROOM), 'view', ['image', 'box'], parts.VIEW)
    return finished(graph, pose)


def started(name: str) -> Assembly:
    graph = Assembly(name, [helper.make_tensor_value_info('image', TensorProto.UINT8, ['H', 'W', 3])])
    graph.add(parser.parse_model(WHOLE), 'whole', ['image'], ['pixels'])
    return graph


def finished(graph: Assembly, pose: onnx.ModelProto) -> onnx.ModelProto:
    graph.add(pose, 'pose', ['picture'], ['simcc_x', 'simcc_y'])
    graph.add(parts.decode(), 'decode', ['simcc_x', 'simcc_y', 'centre', 'size'], parts.POINT)
    graph.add(parser.parse_model(BOXES), 'list', ['box'], ['boxes'])
    return graph.model({'boxes': (1, 4), 'scores': (1,), 'landmarks': (1, 68, 2)})
