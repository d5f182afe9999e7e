"""From checkpoints to a bundle: verify, build, export, compare, describe."""

from pathlib import Path

import torch

from . import checkpoints, gate, manifest, selftest, write
from .graphs import GRAPHS, Checkpoints
from .layout import POSE, POSE_ONNX

# Of states near 1, latents near 1, class numbers and levels of 255; the measured errors are in README.md.
LIMITS = {
    'listen': gate.Limit(2e-5, 2e-6),
    'encode': gate.Limit(5e-3, 5e-4),
    'parse': gate.Limit(18, 0.01),
    'generate': gate.Limit(1, 0.005),
}


@torch.no_grad()
def build(folder: Path, out: Path, precision: str, allow_unknown: bool, cuda: bool) -> str:
    """Write a bundle into `out` and return its id.

    @raises CheckpointError, GateError
    """
    made: Checkpoints = {source: checkpoints.read(folder, source, allow_unknown) for source in checkpoints.present(folder)}
    for checkpoint in made.values():
        print(f'{checkpoint.source.path}: {checkpoint.what}', flush=True)
    paths, entries = {}, {}
    for graph in GRAPHS:
        path = paths[graph.name] = out / f'{graph.name}.onnx'
        network, example = graph.network(made), graph.example(torch.float32)
        write.export(network, example, graph.inputs, graph.output, path, graph.batched)
        gate.against_network(graph.name, path, network, example, graph.batched, LIMITS[graph.name])
        entries[graph.name] = manifest.entry(path, [made[source] for source in graph.sources], None)
    if POSE in made or POSE_ONNX in made:
        from .face import export_face

        entries |= export_face(folder, out, precision)
    return manifest.save(out, {
        'format': 1,
        'name': 'musetalk-v1.5',
        'version': '1.0.0',
        'precision': precision,
        'graphs': entries,
        **manifest.FIXED,
        'states': [manifest.state(paths['encode'], 'float32')],
        'batch': [1, 2],
        'selfTest': selftest.self_test(paths),
    })
