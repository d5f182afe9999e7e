"""ONNX Runtime's fusions for CUDA, on a graph whose big weights stay on the disk.

Its optimizer reads shapes and small weights only, but for the convolutions', which it turns: left to it, a graph of 3.5 GB
takes 16 GB of memory. Here the turning is noted, and done when the weights are written.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import ExternalDataInfo, load_external_data_for_tensor, uses_external_data
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.onnx_model_unet import UnetOnnxModel

from ..gate import GateError
from ..weights import Values

FUSED = {'GroupNorm': 56, 'SkipGroupNorm': 34, 'MultiHeadAttention': 33, 'SkipLayerNormalization': 32}
"""Of MuseTalk's UNet and decoder together, whatever their widths; every convolution is fused too."""
BIG_BYTES = 65_536
"""More than any norm's or bias's weights."""
LAST, FIRST = [0, 2, 3, 1], [0, 3, 1, 2]
"""Where channels go."""


class Optimizer(UnetOnnxModel):
    def convert_conv_to_nhwc(self) -> None:
        """Make convolutions channels-last. Weights are only noted as turned: `turned` has name -> name before."""
        self.turned: dict[str, str] = {}
        stored = {tensor.name: tensor for tensor in self.model.graph.initializer}
        for conv in self.get_nodes_by_op_type('Conv'):
            (x, weight, *bias), out = conv.input, conv.output[0]
            name = f'{weight}.last'
            made = helper.make_node('NhwcConv', [f'{out}.first', name, *bias], [f'{out}.last'], f'{out}.last', domain='com.microsoft')
            made.attribute.extend(conv.attribute)
            self.add_nodes([
                helper.make_node('Transpose', [x], [f'{out}.first'], f'{out}.first', perm=LAST), made,
                helper.make_node('Transpose', [f'{out}.last'], [out], f'{out}.back', perm=FIRST),
            ])
            self.remove_node(conv)
            before = stored[weight]
            dims = [before.dims[axis] for axis in LAST]
            self.add_initializer(TensorProto(name=name, data_type=before.data_type, dims=dims))
            self.turned[name] = weight


def fuse(path: Path) -> tuple[onnx.ModelProto, Values]:
    """The graph at `path`, fused, and what its weights in single precision hold.

    @raises GateError when other nodes were fused than FUSED says: a silent loss of speed
    """
    model = onnx.load(path, load_external_data=False)
    stored = originals(model, path)
    # Residual blocks that change their width have one convolution more, so their number is the weights'.
    wanted = FUSED | {'NhwcConv': sum(node.op_type == 'Conv' for node in model.graph.node)}
    optimizer = Optimizer(model, 0, 0)
    optimizer.optimize(FusionOptions('unet'))
    optimizer.topological_sort()
    graph = optimizer.model.graph
    counts = Counter(node.op_type for node in graph.node)
    found = {name: counts[name] for name in wanted}
    if found != wanted:
        raise GateError(f'the fusion for CUDA made {found} instead of {wanted}: another version of onnxruntime or torch?')
    return optimizer.model, {
        tensor.name: held(tensor, stored, optimizer.turned) for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT
    }


def originals(model: onnx.ModelProto, path: Path) -> Values:
    """What the weights in single precision hold. Big ones stay where they are, the others are loaded into the graph."""
    values = {}
    for tensor in model.graph.initializer:
        if uses_external_data(tensor) and (info := ExternalDataInfo(tensor)).length > BIG_BYTES:
            values[tensor.name] = partial(np.memmap, path.parent / info.location, np.float32, 'r', info.offset, tuple(tensor.dims))
        elif tensor.data_type == TensorProto.FLOAT:
            if uses_external_data(tensor):
                load_external_data_for_tensor(tensor, str(path.parent))
            values[tensor.name] = partial(np.asarray, numpy_helper.to_array(tensor))
    return values


def held(tensor: TensorProto, stored: Values, turned: dict[str, str]) -> Callable[[], np.ndarray]:
    if before := turned.get(tensor.name):
        return lambda: stored[before]().transpose(LAST)
    # What the optimizer made itself has its values.
    return stored.get(tensor.name) or partial(numpy_helper.to_array, tensor)
