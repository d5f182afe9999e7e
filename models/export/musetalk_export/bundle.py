"""From checkpoints to a bundle: verify, build, export, compare, describe."""

from pathlib import Path

import torch

from . import checkpoints, gate, manifest, selftest
from .cuda.variant import write_fused
from .face import check_face, write_face
from .graphs import GRAPHS, Checkpoints, portable
from .layout import DETECTOR, POSE, POSE_ONNX, present


@torch.no_grad()
def build(folder: Path, out: Path, precision: str, allow_unknown: bool, with_cuda: bool) -> str:
    """Write a bundle into `out` and return its id.

    @raises CheckpointError, GateError
    """
    made: Checkpoints = {source: checkpoints.read(folder, source, allow_unknown) for source in present(folder)}
    for checkpoint in made.values():
        print(f'{checkpoint.path}: {checkpoint.what}', flush=True)
    entries = {}
    for graph in GRAPHS:
        network, path = graph.network(made), out / f'{graph.name}.onnx'
        wanted = gate.answers(network, graph.example(), graph.batched)
        half = graph.half if precision == 'fp16' else None
        portable(graph, network, path, bool(half))
        gate.check(f'{graph.name} {"fp16" if half else "fp32"}', path, wanted, half or graph.limit)
        fused = with_cuda and graph.name == 'generate'
        if fused:
            # In half precision the network is spoilt.
            write_fused(graph, graph.network(made) if half else network, out / f'{graph.name}.cuda.onnx', wanted)
        entries[graph.name] = manifest.entry(out, graph.name, [made[source] for source in graph.sources], fused)
    pose = next((made[source] for source in (POSE, POSE_ONNX) if source in made), None)
    if pose:
        write_face(made[DETECTOR], pose, folder, out)
        check_face(made[DETECTOR], pose, out)
        entries |= manifest.face_entries(out, made[DETECTOR], pose)
    return manifest.save(out, {
        **manifest.FIXED,
        'precision': precision,
        'graphs': entries,
        # A CPU gains nothing from more than its memory can hold; a GPU is for bundles in half precision.
        'batch': [1, 8] if precision == 'fp16' or with_cuda else [1, 2],
        'selfTest': selftest.self_test(out),
    })
