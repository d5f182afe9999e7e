"""The CUDA variant of `generate`: attention and norms fused in single precision, then everything in half.

Its fused norms and channels-last convolutions exist for CUDA only. On a CPU the graph is compared with its network
before it is fused, its nodes are counted, and it is run with the fused nodes spelled out; the kernels are not.
"""

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import onnx
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model

from . import gate, write
from .attention import emit
from .graphs import Checkpoints, Graph
from .half import halve
from .unfuse import unfuse

FUSED = {'GroupNorm': 56, 'SkipGroupNorm': 34, 'MultiHeadAttention': 33, 'SkipLayerNormalization': 32}
"""Of MuseTalk's UNet and decoder together, whatever their widths; every convolution is fused too."""


def variant(graph: Graph, made: Checkpoints, path: Path) -> None:
    """Write the fused graph to `path`; inputs and outputs are those of the portable one.

    @raises GateError when it was not fused as expected, or computes something else
    """
    network, example = graph.network(made), graph.example()
    for source in graph.sources:
        made[source].tensors.clear()  # the network has them; the official ones take 4 GB
    wanted = gate.answers(network, example, graph.batched)
    emit(network)
    work = path.with_suffix('.work.onnx')
    write.export(network, example, graph.inputs, graph.output, work, graph.batched)
    del network
    gate.check(f'{graph.name} fp32, own attention', work, wanted, graph.limit, frugal=True)
    # onnxruntime's fusion needs four times what the graph weighs, and does not give it back.
    with ProcessPoolExecutor(1, mp_context=get_context('spawn')) as apart:
        apart.submit(fuse, work).result()
    fused = onnx.load(work)
    halve(fused)
    write.save(fused, path)
    unfuse(fused)
    write.save(fused, work)
    del fused
    gate.check(f'{graph.name} CUDA, spelled out', work, wanted, graph.half, frugal=True)
    for file in write.files(work):
        file.unlink()


def fuse(path: Path) -> None:
    """Fuse the graph in its place.

    @raises GateError when other nodes were fused than FUSED says: a silent loss of speed
    """
    plain = onnx.load(path, load_external_data=False).graph.node
    # Residual blocks that change their width have one convolution more, so their number is the weights'.
    wanted = FUSED | {'NhwcConv': sum(node.op_type == 'Conv' for node in plain)}
    fused = optimize_model(str(path), 'unet', opt_level=0, optimization_options=FusionOptions('unet'), use_gpu=True).model
    counts = Counter(node.op_type for node in fused.graph.node)
    found = {name: counts[name] for name in wanted}
    if found != wanted:
        raise gate.GateError(f'the fusion for CUDA made {found} instead of {wanted}: another version of onnxruntime or torch?')
    write.save(fused, path)
