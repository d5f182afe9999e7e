"""Trained network -> listen.onnx: pcm f32 [480000] 16 kHz -> states f32 [1500, 1, 8], 50 per second."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from listen_network import FrontEnd, normalise
from phones import INDEX

SAMPLES = 480_000
# Training pulls towards the mean on real voices; out = clip((x - OFF) * GAIN). Chosen on the dev prompts.
OFF = [0.02, 0.02, 0, 0.08, 0.12, 0.06, 0.05, 0.05]
GAIN = [1.3, 1.25, 1.35, 1.45, 1.5, 1.6, 1.25, 1.4]
LOW, HIGH = [0, 0, -1, 0, 0, 0, 0, 0], [1] * 8


class Graph(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.front, self.network = FrontEnd(), network
        for name, value in (("off", OFF), ("gain", GAIN), ("low", LOW), ("high", HIGH)):
            self.register_buffer(name, torch.tensor(value, dtype=torch.float32))

    def forward(self, pcm):
        out, logits = self.network(normalise(self.front(pcm[None])))
        return self.finish(out, logits).transpose(0, 1)

    def finish(self, out, logits):
        return torch.minimum(torch.maximum((out - self.off) * self.gain, self.low), self.high)


def export(network, path):
    graph = Graph(network.eval()).eval()
    pcm = torch.zeros(SAMPLES)
    torch.onnx.export(
        graph, (pcm,), str(path), input_names=["pcm"], output_names=["states"], opset_version=17, dynamo=False
    )
    model = onnx.load(path)
    _halve(model)
    onnx.checker.check_model(model)
    Path(path).write_bytes(model.SerializeToString())
    return graph


def _halve(model, least=256, tables=("front.dft", "front.mel")):
    """Store the network's weights as fp16 + Cast; the DFT table stays fp32, it would lose the quiet bands."""
    graph, casts = model.graph, []
    for tensor in list(graph.initializer):
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < least or tensor.name in tables:
            continue
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name + ".half")
        graph.initializer.remove(tensor)
        graph.initializer.append(half)
        casts.append(helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)
