"""The CUDA variant of `generate`: attention and norms fused in single precision, then everything in half.

Its fused norms and channels-last convolutions exist for CUDA only. On a CPU the graph is compared with its network
before it is fused, its nodes are counted, and it is run with the fused nodes spelled out; the kernels are not.
"""

from collections import Counter
from pathlib import Path

import onnx
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model

from . import gate, write
from .attention import emit
from .graphs import Checkpoints, Graph
from .half import halve
from .unfuse import unfuse

FUSED = {'GroupNorm': 56, 'SkipGroupNorm': 34, 'MultiHeadAttention': 33, 'SkipLayerNormalization': 32, 'NhwcConv': 132}
"""Of MuseTalk's UNet and decoder together, whatever their widths."""


def variant(graph: Graph, made: Checkpoints, path: Path) -> None:
    """Write the fused graph to `path`; inputs and outputs are those of the portable one.

    @raises GateError when it was not fused as expected, or computes something else
    """
    network, example = graph.network(made), graph.example()
    wanted = gate.answers(network, example, graph.batched)
    emit(network)
    work = path.with_suffix('.work.onnx')
    write.export(network, example, graph.inputs, graph.output, work, graph.batched)
    del network
    gate.check(f'{graph.name} fp32, own attention', work, wanted, graph.limit)
    fused = fuse(work)
    halve(fused)
    write.save(fused, path)
    unfuse(fused)
    write.save(fused, work)
    gate.check(f'{graph.name} CUDA, spelled out', work, wanted, graph.half)
    for file in write.files(work):
        file.unlink()


def fuse(path: Path) -> onnx.ModelProto:
    """@raises GateError when fewer nodes were fused than FUSED says: a silent loss of speed"""
    fused = optimize_model(str(path), 'unet', opt_level=0, optimization_options=FusionOptions('unet'), use_gpu=True).model
    counts = Counter(node.op_type for node in fused.graph.node)
    if any(counts[name] != count for name, count in FUSED.items()):
        found = {name: counts[name] for name in FUSED}
        raise gate.GateError(f'the fusion for CUDA made {found} instead of {FUSED}: another version of onnxruntime or torch?')
    return fused
