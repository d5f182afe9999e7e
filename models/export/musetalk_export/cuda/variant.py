"""The CUDA variant of `generate`: attention and norms fused in single precision, then everything in half.

Its fused norms and channels-last convolutions exist for CUDA only. On a CPU the graph is compared with its network
before it is fused, its nodes are counted, and it is run with the fused nodes spelled out; the kernels are not.
"""

from pathlib import Path

import onnx
import onnx_ir
from torch import nn

from .. import gate, write
from ..graphs import Graph
from ..weights import Weights, save
from .attention import emit
from .fuse import fuse
from .half import halve
from .unfuse import unfuse


def write_fused(graph: Graph, network: nn.Module, path: Path, wanted: gate.Answers | None) -> None:
    """Write the fused graph to `path`; inputs and outputs are those of the portable one.

    @param network changed for good; @param wanted what it answers, or None to compare nothing
    @raises GateError when it was not fused as expected, or computes something else
    """
    emit(network)
    work = path.with_suffix('.work.onnx')
    write.export(network, graph.example(), graph.inputs, graph.output, work, graph.batched)
    if wanted:
        gate.check(f'{graph.name} fp32, own attention', work, wanted, graph.limit, frugal=True)
    model, values = fuse(work)
    halve(model, values)
    save(onnx_ir.from_proto(model), path, Weights(write.data_of(path)), values)
    if wanted:
        spelled = onnx.load(path, load_external_data=False)
        unfuse(spelled)
        onnx.save(spelled, work)
        gate.check(f'{graph.name} CUDA, spelled out', work, wanted, graph.half, frugal=True)
    for file in write.files(work):
        file.unlink()
