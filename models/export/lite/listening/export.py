"""Trained network -> listen.onnx: pcm f32 [480000] 16 kHz -> states f32 [1500, 1, 8], 50 per second."""

from pathlib import Path

import numpy as np
import onnx
import torch
from listening.network import FrontEnd, normalize
from onnx import TensorProto, helper, numpy_helper
from speech.phones import SIL, TARGETS
from torch import nn
from torch.nn import functional as F

SAMPLES = 480_000
# Chosen on the dev prompts (speech/prompts.py), per parameter. MIX: share of the phone posteriors'
# expected pose in the regressed pose; it lowers false closures. Then (x - OFF) * GAIN, clipped, because
# training pulls unsure voices towards the mean.
MIX = [0.2, 0.15, 0.25, 0.2, 0.4, 0.2, 0.2, 0.5]
OFF = [0.02, 0.02, 0, 0.08, 0.05, 0.03, 0.02, 0.03]
GAIN = [1.3, 1.25, 1.3, 1.25, 1.6, 2.0, 1.2, 1.4]
SMOOTH = [0.15, 0.7, 0.15]  # over neighboring 20 ms steps
LOW, HIGH = [0, 0, -1, 0, 0, 0, 0, 0], [1] * 8
_ZERO, _HEARD = -17.0, -14.0  # mean log mel of digital silence (-18.4) and of the faintest real noise


class Graph(nn.Module):
    """pcm f32 [n] -> states f32 [n / 320, 1, 8]."""

    def __init__(self, network):
        super().__init__()
        self.front, self.network = FrontEnd(), network
        constants = {"mix": MIX, "off": OFF, "gain": GAIN, "low": LOW, "high": HIGH}
        constants |= {"rest": TARGETS[SIL], "poses": TARGETS, "smooth": [[SMOOTH]] * 8}
        for name, value in constants.items():
            self.register_buffer(name, torch.tensor(np.array(value), dtype=torch.float32))

    def forward(self, pcm):
        mel = self.front(pcm[None])
        states = self.calibrate(*self.network(normalize(mel)))
        return (self.rest + self.heard(mel) * (states - self.rest)).transpose(0, 1)

    def calibrate(self, out, logits):
        x = out + self.mix * (torch.softmax(logits, -1) @ self.poses - out)
        x = F.conv1d(F.pad(x.transpose(1, 2), (1, 1), mode="replicate"), self.smooth, groups=8).transpose(1, 2)
        return torch.minimum(torch.maximum((x - self.off) * self.gain, self.low), self.high)

    def heard(self, mel):
        """[1, T / 2, 1]: 0 where all within 0.15 s is digital silence, 1 in any sound, smooth between."""
        level = F.max_pool1d(mel.mean(1, keepdim=True), 31, 2, 15)
        gate = ((level - _ZERO) / (_HEARD - _ZERO)).clamp(0, 1)
        return F.avg_pool1d(F.pad(gate, (3, 3), mode="replicate"), 7, 1).transpose(1, 2)


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
