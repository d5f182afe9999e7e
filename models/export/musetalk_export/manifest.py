"""The bundle's manifest: what each file is, to the byte, and whose (read by models/inference/bundle.ts)."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from .checkpoints import Checkpoint, file_hash

FIXED = {
    'format': 1,
    'name': 'musetalk-v1.5',
    'version': '1.0.0',
    'listen': {'layers': 5, 'dim': 384, 'overlapS': 2},
    'crop': {'chin_margin_px': 10, 'chin_margin_share': 0},
    'face': {'threshold': 0.5},
    'states': [{'name': 'latent', 'dtype': 'float32', 'shape': [8, 32, 32]}],
}


def stamp(out: Path, graph: str, weights: str) -> dict:
    """Name, size and hash of a graph, and of its weights."""
    first, data = ({'file': name, 'bytes': (out / name).stat().st_size, 'sha256': file_hash(out / name)} for name in (graph, weights))
    return {**first, 'data': [data]}


def entry(out: Path, name: str, checkpoints: Sequence[Checkpoint], cuda: bool) -> dict:
    return {
        **stamp(out, f'{name}.onnx', f'{name}.onnx.data'),
        **whose(checkpoints),
        **({'cuda': stamp(out, f'{name}.cuda.onnx', f'{name}.cuda.onnx.data')} if cuda else {}),
    }


def face_entries(out: Path, *checkpoints: Checkpoint) -> dict:
    return {name: {**stamp(out, f'{name}.onnx', 'face.data'), **whose(checkpoints)} for name in ('face', 'face_reference')}


def whose(checkpoints: Sequence[Checkpoint]) -> dict:
    return {
        'license': '; '.join(dict.fromkeys(made.source.license for made in checkpoints)),
        'origin': '; '.join(f'{made.path} of {made.source.origin}: {made.what}' for made in checkpoints),
    }


def written(tree: object, margin: str = '') -> str:
    """JSON with one line for each leaf of the tree, a list of numbers being a leaf."""
    inner = f'{margin} '
    if isinstance(tree, dict) and tree:
        lines = [f'{inner}{json.dumps(key)}: {written(value, inner)}' for key, value in tree.items()]
        return '{\n' + ',\n'.join(lines) + f'\n{margin}' + '}'
    if isinstance(tree, list) and tree and isinstance(tree[0], dict):
        return '[\n' + ',\n'.join(inner + written(value, inner) for value in tree) + f'\n{margin}]'
    return json.dumps(tree)


def save(folder: Path, tree: dict) -> str:
    """Write the manifest; the bundle's id, which is a hash of it."""
    text = written(tree) + '\n'
    (folder / 'manifest.json').write_text(text)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
