"""The bundle's manifest: what each file is, to the byte, and whose (read by models/inference/bundle.ts)."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from .checkpoints import Checkpoint, file_hash
from .write import dims, files

FIXED = {
    'listen': {'layers': 5, 'dim': 384, 'overlapS': 2},
    'crop': {'chin_margin_px': 10, 'chin_margin_share': 0},
    'face': {'threshold': 0.5},
}


def stamp(path: Path) -> dict:
    """Name, size and hash of a graph, and of its weights where they lie apart."""
    first, *data = [{'file': file.name, 'bytes': file.stat().st_size, 'sha256': file_hash(file)} for file in files(path)]
    return {**first, **({'data': data} if data else {})}


def entry(out: Path, name: str, checkpoints: Iterable[Checkpoint], cuda: bool) -> dict:
    sources = list(checkpoints)
    return {
        **stamp(out / f'{name}.onnx'),
        'licence': '; '.join(dict.fromkeys(made.source.licence for made in sources)),
        'origin': origin(sources),
        **({'cuda': stamp(out / f'{name}.cuda.onnx')} if cuda else {}),
    }


def origin(checkpoints: Iterable[Checkpoint]) -> str:
    return '; '.join(f'{made.source.path} of {made.source.origin}: {made.what}' for made in checkpoints)


def state(encode: Path) -> dict:
    """The latent, as `encode` makes it and `generate` takes it."""
    return {'name': 'latent', 'dtype': 'float32', 'shape': dims(encode, 'latent')[1:]}


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
