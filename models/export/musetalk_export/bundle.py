"""From checkpoints to a bundle: verify, build, export, compare, describe."""

from pathlib import Path

import torch

from . import checkpoints, cuda, gate, manifest, selftest, write
from .graphs import GRAPHS, Checkpoints, Graph
from .layout import POSE, POSE_ONNX, S3FD, present


@torch.no_grad()
def build(folder: Path, out: Path, precision: str, allow_unknown: bool, with_cuda: bool) -> str:
    """Write a bundle into `out` and return its id.

    @raises CheckpointError, GateError
    """
    made: Checkpoints = {source: checkpoints.read(folder, source, allow_unknown) for source in present(folder)}
    for checkpoint in made.values():
        print(f'{checkpoint.source.path}: {checkpoint.what}', flush=True)
    entries = {}
    for graph in GRAPHS:
        fused = with_cuda and graph.name == 'generate'
        portable(graph, made, out / f'{graph.name}.onnx', precision)
        if fused:
            cuda.variant(graph, made, out / f'{graph.name}.cuda.onnx')
        entries[graph.name] = manifest.entry(out, graph.name, [made[source] for source in graph.sources], fused)
    pose = next((made[source] for source in (POSE, POSE_ONNX) if source in made), None)
    if pose:
        from .face import export_face

        whose = manifest.origin([made[S3FD], pose])
        entries |= {name: entry | {'origin': whose} for name, entry in export_face(folder, out, precision).items()}
    return manifest.save(out, {
        'format': 1,
        'name': 'musetalk-v1.5',
        'version': '1.0.0',
        'precision': precision,
        'graphs': entries,
        **manifest.FIXED,
        'states': [manifest.state(out / 'encode.onnx')],
        # A CPU gains nothing from more than its memory can hold; a GPU is for bundles in half precision.
        'batch': [1, 8] if precision == 'fp16' or with_cuda else [1, 2],
        'selfTest': selftest.self_test(out),
    })


def portable(graph: Graph, made: Checkpoints, path: Path, precision: str) -> None:
    """One graph of ordinary operators, in half precision where the bundle and the graph are."""
    network, example = graph.network(made), graph.example()
    wanted = gate.answers(network, example, graph.batched)
    halved = graph.half if precision == 'fp16' else None
    if halved:
        network.half()
    write.export(network, example, graph.inputs, graph.output, path, graph.batched)
    gate.check(f'{graph.name} {"fp16" if halved else "fp32"}', path, wanted, halved or graph.limit)
