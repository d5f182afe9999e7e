"""Graphs without weights, and how to make their weights: what `--template` writes.

@see models/musetalk-v1.5/README.md for the format
"""

import gzip
import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from .. import checkpoints, manifest, selftest
from ..checkpoints import Checkpoint
from ..graphs import Checkpoints
from ..layout import SOURCES, CheckpointError
from ..weights import ALIGN
from .demands import demanded
from .find import Finder
from .places import places
from .variants import Variant, variants

SEEDS = (1, 2)
GRAPH = '.onnx'
LINE = 120


class TemplateError(Exception):
    """A graph is not the same whatever its weights, or has weights of which nothing is known."""


@torch.no_grad()
def make_templates(folder: Path, out: Path) -> str:
    """Write the templates and the recipe for checkpoints of the shapes that `folder` holds; how many.

    @raises CheckpointError, GateError, TemplateError
    """
    lacking = [source.paths[0] for source in SOURCES if not source.file(folder)]
    if lacking:
        raise CheckpointError(f'{folder} lacks {", ".join(lacking)}: templates are made of all graphs')
    shaped = {source: checkpoints.read(folder, source, allow_unknown=True) for source in SOURCES}
    graphs = {}
    for variant in variants():
        first, second = (described(variant, {source: drawn(shaped[source], seed) for source in variant.sources}) for seed in SEEDS)
        if first != second:
            raise TemplateError(f'{variant.key} is another graph for other weights')
        files, alone = first
        for name, data in alone.items():
            (out / name).write_bytes(gzip.compress(data, 9, mtime=0))
        graphs[variant.key] = {'slots': [source.slot for source in variant.sources], 'files': files}
        print(f'{variant.key}: {sum(len(file["parts"]) for file in files)} weights', flush=True)
    parts = [part for graph in graphs.values() for file in graph['files'] for part in file['parts']]
    (out / 'recipe.json').write_text(written({
        'format': 1,
        'checkpoints': {source.slot: demanded(shaped[source], parts) for source in SOURCES},
        'graphs': graphs,
        'manifest': manifest.FIXED | {'selfTest': selftest.without_numbers()},
    }) + '\n')
    return f'templates of {len(graphs)} graphs, {len(parts)} weights'


def drawn(shaped: Checkpoint, seed: int) -> Checkpoint:
    """Random weights of the same shapes."""
    random = torch.Generator().manual_seed(seed)

    def draw(name: str, like: torch.Tensor) -> torch.Tensor:
        if not like.is_floating_point():
            return like
        # A variance is positive.
        return torch.rand(like.shape, generator=random) - (0 if name.endswith('running_var') else 0.5)

    return replace(shaped, tensors={name: draw(name, tensor) for name, tensor in shaped.tensors.items()})


def described(variant: Variant, made: Checkpoints) -> tuple[list[dict], dict[str, bytes]]:
    """What a recipe says of each file, and the templates by name."""
    finder = Finder({
        source.slot: {name: tensor.numpy() for name, tensor in checkpoint.tensors.items()} for source, checkpoint in made.items()
    })
    with TemporaryDirectory() as folder:
        work = Path(folder)
        names = variant.write(made, work)
        parts: dict[str, dict[int, dict]] = defaultdict(dict)
        for path in (work / name for name in names if name.endswith(GRAPH)):
            for place in places(path):
                making = finder.find(place)
                if making:
                    parts[place.file.name][place.at] = {'at': place.at, 'bytes': place.bytes, **making.described()}
                elif place.file != path:
                    raise TemplateError(f'{path.name} has {place.name}, which is made of no tensor that is known: is it in CONSTANTS?')
        files, templates = [], {}
        for name in names:
            own = [part for _, part in sorted(parts[name].items())]
            file = {'file': name, 'bytes': (work / name).stat().st_size}
            if name.endswith(GRAPH):
                file['template'] = variant.template(name)
                templates[file['template']] = cleared(work / name, own)
            else:
                padded(work / name, own)
            files.append(file | {'parts': own})
    return files, templates


def cleared(path: Path, parts: list[dict]) -> bytes:
    """The file with zeros in the place of weights."""
    data = bytearray(path.read_bytes())
    for part in parts:
        data[part['at']:part['at'] + part['bytes']] = bytes(part['bytes'])
    return bytes(data)


def padded(path: Path, parts: list[dict]) -> None:
    """@raises TemplateError where a file of weights holds anything else but zeros between them"""
    data, end = np.memmap(path, np.uint8, 'r'), 0
    for part in (*parts, {'at': data.size, 'bytes': 0}):
        if not 0 <= part['at'] - end < ALIGN or data[end:part['at']].any():
            raise TemplateError(f'{path.name} holds something unknown between {end} and {part["at"]}')
        end = part['at'] + part['bytes']


def written(value: object, margin: str = '') -> str:
    """JSON with a line for every part, tensor and setting."""
    line = json.dumps(value)
    if len(line) < LINE or not isinstance(value, (dict, list)) or 'at' in value:
        return line
    inner = f'{margin} '
    if isinstance(value, dict):
        lines = [f'{inner}{json.dumps(key)}: {written(child, inner)}' for key, child in value.items()]
    else:
        lines = [inner + written(child, inner) for child in value]
    first, last = '{}' if isinstance(value, dict) else '[]'
    return f'{first}\n' + ',\n'.join(lines) + f'\n{margin}{last}'
