"""Fills templates with checkpoints: how others should do it, and a check that bundle, recipe and templates agree.

    python -m musetalk_export.templates.fill --checkpoints DIR --templates models/musetalk-v1.5/SET --bundle BUNDLE

compares what templates and checkpoints give with the graphs of a bundle that was exported from these checkpoints.
"""

import argparse
import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..checkpoints import load
from ..layout import SOURCES, CheckpointError
from .recipe import Tensors, making


def filled(file: dict, templates: Path, tensors: Tensors) -> Iterator[bytes]:
    """The bytes of one output file, front to back.

    @raises CheckpointError when a tensor is not what the recipe says
    """
    base, end = gzip.decompress((templates / file['template']).read_bytes()) if 'template' in file else None, 0

    def between(start: int, stop: int) -> bytes:
        return base[start:stop] if base else bytes(stop - start)

    for part in file['parts']:
        yield between(end, part['at'])
        data = np.ascontiguousarray(making(part).apply(tensors)).tobytes()
        if len(data) != part['bytes']:
            raise CheckpointError(f'{file["file"]}: {part["tensors"][0]} gives {len(data)} bytes, not {part["bytes"]}')
        yield data
        end = part['at'] + part['bytes']
    yield between(end, file['bytes'])


def graphs_of(bundle: Path) -> list[str]:
    """Keys of a recipe's graphs, for a bundle."""
    told = json.loads((bundle / 'manifest.json').read_text())
    return [
        'listen', 'parse', *(f'{graph}.{told["precision"]}' for graph in ('encode', 'generate')),
        *(['generate.cuda'] if 'cuda' in told['graphs']['generate'] else []),
        *(['face'] if 'face' in told['graphs'] else []),
    ]


def difference(file: dict, templates: Path, tensors: Tensors, bundle: Path) -> str | None:
    """How a file of a bundle is not what the recipe makes."""
    at = 0
    with (bundle / file['file']).open('rb') as found:
        for data in filled(file, templates, tensors):
            if found.read(len(data)) != data:
                return f'{file["file"]} differs between {at} and {at + len(data)}'
            at += len(data)
        return f'{file["file"]} goes on behind {at}' if found.read(1) else None


def main() -> int:
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ('checkpoints', 'templates', 'bundle'):
        parse.add_argument(f'--{name}', type=Path, required=True)
    chosen = parse.parse_args()
    recipe = json.loads((chosen.templates / 'recipe.json').read_text())
    tensors: Tensors = {
        source.slot: {name: tensor.numpy() for name, tensor in load(chosen.checkpoints / path).items()}
        for source in SOURCES if (path := source.file(chosen.checkpoints))
    }
    files = [file for key in graphs_of(chosen.bundle) for file in recipe['graphs'][key]['files']]
    wrong = list(filter(None, (difference(file, chosen.templates, tensors, chosen.bundle) for file in files)))
    print(*wrong or [f'{len(files)} files are what the templates give'], sep='\n')
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main())
