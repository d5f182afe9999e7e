"""Holds the exported face graphs against the golden numbers of the reference implementation.

    python -m musetalk_export.face.check BUNDLE GOLDEN

For the golden weights only: GOLDEN is the folder with `s3fd/` and `pose/`. Prints a table, fails if a line does.
"""

import argparse
import json
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from PIL import Image

from . import inner, parts
from .check_bins import bins_to_frame
from .check_face import tracked
from .simcc import FACE

POSE = ['view', 'picture', 'simcc_x', 'simcc_y', 'averaged_x', 'averaged_y', 'points', 'point_scores']
LOGIT, MARGIN, MAP, PX = 5e-5, 5e-5, 5e-5, 0.01
"""Largest differences: logits and class maps; logits closer than this may swap places; regression in px."""


class Table:
    def __init__(self) -> None:
        self.failed = False

    def line(self, what: str, found: str, good: bool) -> None:
        self.failed |= not good
        print(f'{what:34} {found:58} {"ok" if good else "FAILED"}')


def rgb(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert('RGB'))


def crc(array: np.ndarray) -> str:
    return f'{zlib.crc32(np.ascontiguousarray(array)):08x}'


def check_s3fd(face: ort.InferenceSession, golden: Path, table: Table) -> None:
    for name, want in json.loads((golden / 's3fd.json').read_text()).items():
        got = inner.run(face, {'image': rgb(golden / f'{name}.png')})
        maps = [got[key] for key in parts.MAPS]
        shapes = [list(values.shape) for values in maps] == want['map_shapes']
        off = max(
            abs(values.ravel()[index] - value)
            for values, sample in zip(maps, want['map_values']) for index, value in zip(sample['index'], sample['value'])
        )
        table.line(f's3fd {name} maps', f'shapes {"equal" if shapes else "differ"}, values off by {off:.1e}', shapes and off < MAP)
        if name == 'square':
            stored = np.load(golden / 'square-maps.npz')
            keys = [f'{kind}{level}' for level in range(1, 7) for kind in ('cls', 'reg')]
            off = max(np.abs(stored[key] - values).max() for key, values in zip(keys, maps))
            table.line('s3fd square maps in full', f'off by {off:.1e}', off < MAP)
        first = want['kept'][0]
        raw = np.abs(np.subtract(got['found'], first[:4])).max()
        box = got['boxes'][0].tolist()
        table.line(
            f's3fd {name} box', f'{box}, before the cut off by {raw:.1e} px, score by {abs(got["scores"][0] - first[4]):.1e}',
            box == want['returned_box'] and raw < PX and abs(got['scores'][0] - first[4]) < LOGIT,
        )
    want = json.loads((golden / 'none.json').read_text())['best_candidates'][0]
    got = inner.run(face, {'image': rgb(golden / 'none.png')})
    table.line('s3fd none', f'score {got["scores"][0]:.7f} of {want[4]}', got['scores'][0] < 0.5 and abs(got['scores'][0] - want[4]) < LOGIT)


def check_pose(face: ort.InferenceSession, golden: Path, table: Table) -> None:
    expected = json.loads((golden / 'pose.json').read_text())
    for name, want in expected['images'].items():
        got = inner.run(face, {'image': pose_image(golden, name)})
        view = crc(got['view'][..., ::-1])
        table.line(f'pose {name} input', f'crc32 {view}', view == want['input_bgr_crc32'])
        tensor = crc(got['picture'][0])
        exact = tensor == want['tensor']['float32_crc32']
        off = max(abs(got['picture'][0].ravel()[int(index)] - value) for index, value in want['tensor']['values'].items())
        table.line(f'pose {name} tensor', f'crc32 {"equal" if exact else "differs"}, values off by {off:.1e}', exact)
        for kind, x, y in (
            ('plain', got['simcc_x'][0], got['simcc_y'][0]), ('mirror', got['simcc_x'][1], got['simcc_y'][1]),
            ('averaged', got['averaged_x'], got['averaged_y']),
        ):
            moved, doubtful, off = compare_bins({'x': x, 'y': y}, want[kind])
            table.line(f'pose {name} {kind}', f'bins moved {moved} (and {doubtful} within the margin), maxima off by {off:.1e}', moved == 0 and off < LOGIT)
            files = [golden / f'{name}-simcc-{axis}-{kind}.npy' for axis in 'xy']
            if all(file.exists() for file in files):
                off = max(np.abs(np.load(file) - logits).max() for file, logits in zip(files, (x, y)))
                table.line(f'pose {name} {kind} logits', f'off by {off:.1e}', off < LOGIT)
        check_points(name, got, want, table)
    table.line('pose invalid points', f'{want["invalid"]}', np.flatnonzero(got['point_scores'] <= 0).tolist() == want['invalid'])


def check_points(name: str, got: dict[str, np.ndarray], want: dict, table: Table) -> None:
    """Points in px; those of bins that may swap are left out."""
    margins = np.minimum(want['averaged']['x_margin'], want['averaged']['y_margin'])
    sure = margins >= MARGIN
    off = np.abs(got['points'] - want['keypoints'])[sure].max()
    face = np.trunc(got['landmarks'][0]).astype(int)
    first, last = FACE
    differ = (face != want['face_int32']).any(1)[sure[first:last]].sum()
    table.line(f'pose {name} points', f'off by {off:.1e} px; whole px of the face: {differ} of 68 differ', off < 1e-4 and differ == 0)


def compare_bins(logits: dict[str, np.ndarray], want: dict) -> tuple[int, int, float]:
    """Bins that moved, those that moved within the margin, largest difference of a maximum."""
    moved = doubtful = 0
    off = 0.0
    for axis, values in logits.items():
        other = values.argmax(1) != want[f'{axis}_bin']
        close = np.array(want[f'{axis}_margin']) < MARGIN
        moved, doubtful = moved + int((other & ~close).sum()), doubtful + int((other & close).sum())
        off = max(off, float(np.abs(values.max(1) - want[f'{axis}_max']).max()))
    return moved, doubtful, off


def pose_image(golden: Path, name: str) -> np.ndarray:
    """A golden picture; `sun-0` is the first frame of a lossless clip."""
    file = golden / f'{name}.png'
    if file.exists():
        return rgb(file)
    clip = golden.parent / 'clip' / 'frames.mkv'
    command = ['ffmpeg', '-v', 'error', '-i', str(clip), '-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-']
    return np.frombuffer(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout, np.uint8).reshape(768, 576, 3)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument('bundle', type=Path)
    arguments.add_argument('golden', type=Path)
    given = arguments.parse_args()
    table = Table()
    pictures = given.golden / 's3fd', given.golden / 'pose'
    path = given.bundle / 'face_reference.onnx'
    for line in bins_to_frame(onnx.load(path), pictures[1] / 'pose.json'):
        table.line(*line)
    face = inner.whole(path, ['found', *parts.MAPS, *POSE])
    check_s3fd(face, pictures[0], table)
    check_pose(face, pictures[1], table)
    files = pictures[1] / 'wide.png', pictures[1] / 'yongen-100.png', pictures[0] / 'square.png', pictures[0] / 'odd.png'
    for line in tracked(given.bundle / 'face.onnx', [rgb(file) for file in files], rgb(pictures[1] / 'wide-input.png')):
        table.line(*line)
    sys.exit(table.failed)


if __name__ == '__main__':
    main()
