"""Runs a float TensorFlow Lite graph as a torch module, so that torch.onnx can export it.

Activations are NCHW float32 with a free batch size; weights are buffers, rounded to fp16 in the file they come from.
Only the operators of MediaPipe's two face networks are here, and only what the wanted outputs depend on is kept.
"""

import numpy as np
import tflite
import torch
import torch.nn.functional as F
from face_graph.tflite_onnx import conv, depth_to_space, max_pool, pad
from face_graph.tflite_tensor import tensor_value
from flatbuffers import flexbuffers
from tflite.Model import Model

OPERATORS = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}
SAME = tflite.Padding.SAME


def same_pads(size, kernel, stride):
    """TensorFlow's SAME padding, (before, after): the odd pixel goes to the bottom or right."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def activate(x, kind):
    """The activation fused into an operator."""
    if kind == tflite.ActivationFunctionType.NONE:
        return x
    if kind == tflite.ActivationFunctionType.RELU:
        return F.relu(x)
    raise ValueError(f'activation {kind} is not rebuilt')


def options(table, op):
    """The operator's option table, read in place."""
    raw, read = op.BuiltinOptions(), table()
    read.Init(raw.Bytes, raw.Pos)
    return read


class TfliteGraph(torch.nn.Module):
    """`forward(x, outputs)`: x f32 [N,C,H,W] -> list of the tensors `outputs` (numbers in the file), NCHW or as reshaped.

    `custom` maps the name of a custom operator to `f(inputs, options) -> tensor`.
    """

    def __init__(self, data, outputs, custom=None):
        super().__init__()
        self.model = Model.GetRootAs(data, 0)
        self.graph = self.model.Subgraphs(0)
        self.source = int(self.graph.Inputs(0))
        self.custom = custom or {}
        self.constants = {}
        self.steps = self.needed(outputs)
        _, height, width, channels = self.shape(self.source)
        with torch.no_grad():
            # Reads every weight now: a buffer made while the exporter traces would be unknown to it.
            self(torch.zeros(1, channels, height, width), outputs)

    def needed(self, outputs):
        """Operators the outputs depend on, in file order, as (name, operator, inputs, output, custom options)."""
        steps, wanted = [], set(outputs)
        for k in reversed(range(self.graph.OperatorsLength())):
            op = self.graph.Operators(k)
            output = int(op.Outputs(0))
            if output not in wanted:
                continue
            code = self.model.OperatorCodes(op.OpcodeIndex())
            name = OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            inputs = [int(i) for i in op.InputsAsNumpy()]
            if name in ('DEQUANTIZE', 'DENSIFY'):
                # Weights: fp16 behind DEQUANTIZE, sparse behind DENSIFY. Both are undone here, once.
                self.constants[output] = inputs[0]
                wanted.add(inputs[0])
                continue
            extra = None
            if name == 'CUSTOM':
                name = code.CustomCode().decode()
                extra = flexbuffers.Loads(op.CustomOptionsAsNumpy().tobytes()) if op.CustomOptionsLength() else {}
            steps.append((name, op, inputs, output, extra))
            wanted.update(inputs)
        return steps[::-1]

    def shape(self, index):
        return [int(n) for n in self.graph.Tensors(index).ShapeAsNumpy()]

    def constant(self, index):
        """Value of a weight tensor, float32 or int32, in the file's own layout."""
        while index in self.constants:
            index = self.constants[index]
        return tensor_value(self.model, self.graph.Tensors(index))

    def weight(self, index, order=None):
        """A float weight as a named buffer, its axes put into torch's order."""
        name = f'w{index}'
        if not hasattr(self, name):
            value = self.constant(index)
            value = value.transpose(order) if order else value
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(value, np.float32)))
        return getattr(self, name)

    def forward(self, x, outputs):
        values = {self.source: x}
        for name, op, inputs, output, extra in self.needed(outputs):
            if name in self.custom:
                values[output] = self.custom[name]([values[i] for i in inputs], extra)
            else:
                values[output] = getattr(self, name.lower())(values, op, inputs, output)
        return [values[i] for i in outputs]

    def convolve(self, values, inputs, read, order, depthwise):
        # Sizes come from the file: the exporter would trace a tensor's own.
        kernel = self.shape(inputs[1])[1:3]
        groups = self.shape(inputs[1])[3] if depthwise else 1
        weight, bias = self.weight(inputs[1], order), self.weight(inputs[2])
        y = conv(values[inputs[0]], weight, bias, (read.StrideH(), read.StrideW()), self.pads(inputs[0], kernel, read), groups)
        return activate(y, read.FusedActivationFunction())

    def pads(self, index, kernel, read):
        """Top, left, bottom, right."""
        if read.Padding() != SAME:
            return 0, 0, 0, 0
        _, height, width, _ = self.shape(index)
        (top, bottom), (left, right) = (same_pads(height, kernel[0], read.StrideH()), same_pads(width, kernel[1], read.StrideW()))
        return top, left, bottom, right

    def conv_2d(self, values, op, inputs, output):
        return self.convolve(values, inputs, options(tflite.Conv2DOptions, op), (0, 3, 1, 2), False)

    def depthwise_conv_2d(self, values, op, inputs, output):
        return self.convolve(values, inputs, options(tflite.DepthwiseConv2DOptions, op), (3, 0, 1, 2), True)

    def max_pool_2d(self, values, op, inputs, output):
        read = options(tflite.Pool2DOptions, op)
        kernel = (read.FilterHeight(), read.FilterWidth())
        return max_pool(values[inputs[0]], kernel, (read.StrideH(), read.StrideW()), self.pads(inputs[0], kernel, read))

    def prelu(self, values, op, inputs, output):
        # slope * x + (1 - slope) * relu(x), scaled by depthwise convolutions: ONNX Runtime's PRelu takes longer than all
        # the convolutions around it, and leaves their blocked layout.
        x, slope = values[inputs[0]], self.weight(inputs[1], (2, 0, 1))
        scale = [part.reshape(-1, 1, 1, 1) for part in (1 - slope, slope)]
        return sum(F.conv2d(part, by, groups=len(by)) for part, by in zip((F.relu(x), x), scale))

    def add(self, values, op, inputs, output):
        y = values[inputs[0]] + values[inputs[1]]
        return activate(y, options(tflite.AddOptions, op).FusedActivationFunction())

    def mul(self, values, op, inputs, output):
        return values[inputs[0]] * self.weight(inputs[1])

    def pad(self, values, op, inputs, output):
        before, after = self.constant(inputs[1])[[0, 3, 1, 2]].T.tolist()
        return pad(values[inputs[0]], before, after)

    def resize_bilinear(self, values, op, inputs, output):
        if not options(tflite.ResizeBilinearOptions, op).HalfPixelCenters():
            raise ValueError('only half-pixel centers are rebuilt')
        # By factor, not to the file's size: the network may run on a smaller picture.
        factor = [self.shape(output)[axis] / self.shape(inputs[0])[axis] for axis in (1, 2)]
        return F.interpolate(values[inputs[0]], scale_factor=factor, mode='bilinear', align_corners=False)

    def depth_to_space(self, values, op, inputs, output):
        return depth_to_space(values[inputs[0]], options(tflite.DepthToSpaceOptions, op).BlockSize())

    def reshape(self, values, op, inputs, output):
        x = values[inputs[0]]
        x = x.permute(0, 2, 3, 1) if x.dim() == 4 else x
        last = self.shape(output)[1:]
        # Rows of a picture's cells: as many as the picture has.
        return x.reshape(1, -1, last[1]) if len(last) == 2 and last[0] > 1000 else x.reshape(-1, *last)
