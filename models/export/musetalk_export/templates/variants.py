"""The files that templates are made for: every graph in every precision."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..cuda.variant import write_fused
from ..face import FILES, write_face
from ..graphs import GRAPHS, Checkpoints, Graph, portable
from ..layout import DETECTOR, POSE, Source
from ..write import files


@dataclass(frozen=True)
class Variant:
    key: str
    """Graph, and precision where it has several: `encode.fp16`."""
    sources: tuple[Source, ...]
    write: Callable[[Checkpoints, Path], list[str]]
    """Exports into a folder; names of the files."""

    def template(self, file: str) -> str:
        """Name of the template of one of its graphs: `generate.onnx` in half precision is `generate.fp16.onnx.gz`."""
        graph, _, precision = self.key.partition('.')
        return f'{file.replace(graph, self.key, 1) if precision and precision not in file else file}.gz'


def variants() -> Iterator[Variant]:
    for graph in GRAPHS:
        for half in (False, True) if graph.half else (False,):
            key = f'{graph.name}.{"fp16" if half else "fp32"}' if graph.half else graph.name
            yield Variant(key, graph.sources, partial(plain, graph, half))
        if graph.name == 'generate':
            yield Variant(f'{graph.name}.cuda', graph.sources, partial(fused, graph))
    yield Variant('face', (DETECTOR, POSE), face)


def plain(graph: Graph, half: bool, made: Checkpoints, out: Path) -> list[str]:
    path = out / f'{graph.name}.onnx'
    portable(graph, graph.network(made), path, half)
    return [file.name for file in files(path)]


def fused(graph: Graph, made: Checkpoints, out: Path) -> list[str]:
    path = out / f'{graph.name}.cuda.onnx'
    write_fused(graph, graph.network(made), path, None)
    return [file.name for file in files(path)]


def face(made: Checkpoints, out: Path) -> list[str]:
    write_face(made[DETECTOR], made[POSE], out, out)
    return list(FILES)
