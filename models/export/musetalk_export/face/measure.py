"""How far `face` is from `face_reference` on given pictures, and what both cost.

    python -m musetalk_export.face.measure BUNDLE PICTURE...

Prints the distance of the 68 points in px and in per cent of the face's height, and CPU seconds on one thread.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import onnx

from . import inner
from .check import rgb

RUNS = 3


def timed(face, picture: np.ndarray) -> tuple[dict[str, np.ndarray], float]:
    """Outputs, and the least CPU time of some runs in s; the first, which allocates, does not count."""
    found = inner.run(face, {'image': picture})
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        inner.run(face, {'image': picture})
        times.append(time.process_time() - start)
    return found, min(times)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument('bundle', type=Path)
    arguments.add_argument('pictures', type=Path, nargs='+')
    given = arguments.parse_args()
    graphs = [inner.session(onnx.load(given.bundle / f'{name}.onnx')) for name in ('face', 'face_reference')]
    for file in given.pictures:
        picture = rgb(file)
        (face, cost), (reference, full) = (timed(graph, picture) for graph in graphs)
        points = reference['landmarks'][0]
        away = np.hypot(*(face['landmarks'][0] - points).T)
        share = 100 / np.ptp(points[:, 1])
        print(
            f'{file.name} {picture.shape[1]}x{picture.shape[0]}: scores {face["scores"][0]:.3f}, {reference["scores"][0]:.3f}; '
            f'points apart {away.mean():.1f} px mean, {away.max():.1f} max ({away.mean() * share:.1f} %, {away.max() * share:.1f} % of the '
            f'face); {cost:.2f} s, reference {full:.2f} s'
        )


if __name__ == '__main__':
    main()
