"""Exports the networks and the steps around them as ONNX parts that `assemble` joins."""

import onnx
import onnx_ir
import torch
from torch import nn

from ..write import converted
from .rtmpose import BINS_PER_PX, HEIGHT, POINTS, WIDTH, RtmPose
from .s3fd import S3fd
from .simcc import Decode
from .warp import FaceView, ReferenceView

MAPS = [f'{kind}{level}' for level in range(1, 7) for kind in ('class', 'regression')]
VIEW = ['view', 'picture', 'centre', 'size']
POINT = ['landmarks', 'averaged_x', 'averaged_y', 'points', 'point_scores']
PICTURE = torch.zeros(240, 320, 3, dtype=torch.uint8)
SIDE = (16, 16384)
"""Px a picture may measure: below, nothing is left of it after four halvings."""


def part(network: nn.Module, example: dict[str, torch.Tensor], outputs: list[str], sides: tuple[int, int] | None = None) -> onnx.ModelProto:
    """`network` as ONNX.

    @param sides axes of the first input that are the picture's height and width, of any size
    """
    shapes = None
    if sides:
        height, width = (torch.export.Dim(name, min=SIDE[0], max=SIDE[1]) for name in 'HW')
        shapes = ({sides[0]: height, sides[1]: width}, *[None] * (len(example) - 1))
    return onnx_ir.to_proto(converted(network.eval(), tuple(example.values()), list(example), outputs, shapes))


def detector(network: S3fd) -> onnx.ModelProto:
    """pixels f32 [1,3,H,W] -> box [4], score [1], and the maps."""
    return part(network, {'pixels': torch.zeros(1, 3, 240, 320)}, ['box', 'score', *MAPS], (2, 3))


def pose(network: RtmPose) -> onnx.ModelProto:
    """input f32 [2,3,384,288] -> simcc_x, simcc_y."""
    return part(network, {'input': torch.zeros(2, 3, HEIGHT, WIDTH)}, ['simcc_x', 'simcc_y'])


def reference_view() -> onnx.ModelProto:
    return part(ReferenceView(), {'image': PICTURE}, VIEW, (0, 1))


def face_view(room: float) -> onnx.ModelProto:
    return part(FaceView(room), {'image': PICTURE, 'box': torch.tensor([100.0, 80.0, 180.0, 190.0])}, VIEW, (0, 1))


def decode() -> onnx.ModelProto:
    example = {
        'simcc_x': torch.zeros(2, POINTS, BINS_PER_PX * WIDTH), 'simcc_y': torch.zeros(2, POINTS, BINS_PER_PX * HEIGHT),
        'centre': torch.zeros(2, dtype=torch.float64), 'size': torch.ones(2, dtype=torch.float64),
    }
    return part(Decode(), example, POINT)
