"""What `face` does otherwise than `face_reference`: the smaller frame, the box scaled back, the view of the face."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto
from PIL import Image

from . import inner
from .graphs import LONGEST, ROOM, STEP

LEVEL, PX = 0.1, 1e-3


def tracked(path: Path, pictures: list[np.ndarray], reference: np.ndarray) -> Iterator[tuple[str, str, bool]]:
    """Lines of the table.

    @param pictures u8 [H,W,3]; @param reference the reference's view of the first
    """
    face = inner.whole(path, ['smaller', 'found'])
    for picture in pictures:
        got = inner.run(face, {'image': picture})
        height, width = picture.shape[:2]
        rows, columns = got['smaller'].shape[2:]
        share = min(1, LONGEST / max(height, width)) / STEP
        good = (rows, columns) == (round(height * share) * STEP, round(width * share) * STEP)
        planes = [Image.fromarray(plane).resize((columns, rows), Image.Resampling.BILINEAR) for plane in picture.transpose(2, 0, 1).astype(np.float32)]
        # ONNX Runtime weighs the outermost pixels otherwise.
        off = np.abs(got['smaller'][0] - np.stack(planes))[:, 1:-1, 1:-1].max()
        yield f'face {width}x{height} resized', f'to {columns}x{rows}, off Pillow by {off:.1e} levels', bool(good and off < LEVEL)
        off = np.abs(got['boxes'][0] - got['found'] * np.tile([width / columns, height / rows], 2)).max()
        yield f'face {width}x{height} box', f'scaled back, off by {off:.1e} px', bool(off < PX)
    yield from views(path, pictures[0], reference)


def views(path: Path, picture: np.ndarray, reference: np.ndarray) -> Iterator[tuple[str, str, bool]]:
    inputs = {'image': (TensorProto.UINT8, 3), 'box': (TensorProto.FLOAT, 1)}
    view = inner.parts(onnx.load(path), ['view'], inputs, ['view', 'centre', 'size'])
    height, width = picture.shape[:2]
    got = inner.run(view, {'image': picture, 'box': np.array([0, 0, width, height], np.float32)})
    off = np.abs(got['view'].astype(int) - reference).mean()
    yield 'face whole view', f'off the reference by {off:.2f} levels in the mean', off < 1
    got = inner.run(view, {'image': picture, 'box': np.array([100, 80, 180, 200], np.float32)})
    good = got['centre'].tolist() == [140, 140] and got['size'].tolist() == [120 * ROOM * 0.75, 120 * ROOM]
    yield 'face view', f'of a box 80x120 at 140, 140: {got["size"]} px around {got["centre"]}', good
