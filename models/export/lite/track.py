"""The bundle's `track` graph: a picture and the landmarks that a face had a moment ago -> where they are now.

The mesh of `face` alone, once, on a crop set by those landmarks: no detector. The face's flag says whether it is still there.
"""

import warnings
from pathlib import Path

import face
import onnx
import torch
from face_graph.crop import ROOM, crops, direction, lit, to_image
from face_graph.mesh import Mesh
from face_graph.points import from_mesh
from face_graph.tflite_store import store_halves

LICENSE, ORIGIN = face.LICENSE, face.ORIGIN

# The mesh reaches up to the hair, the 68 points to the brows: this share of their height is added. Of 341 meshes of eight
# clips and 48 pictures it is 0.206 on the whole, and misses the mesh's box by 1.2 % of its height (RMS), 4.6 % at most.
FOREHEAD = 0.206
OUTER_RIGHT_EYE, OUTER_LEFT_EYE = 36, 45


def place(points):
    """Landmarks [K,68,2] -> center [K,2], side [K] and x axis [K,2] of the crop that `face` would set by its mesh."""
    along = direction(points[:, OUTER_RIGHT_EYE], points[:, OUTER_LEFT_EYE])
    turn = torch.stack([along, torch.stack([-along[:, 1], along[:, 0]], 1)], 2)
    level = points @ turn
    low, high = level.amin(1), level.amax(1)
    low = low - torch.stack([torch.zeros_like(low[:, 0]), FOREHEAD * (high - low)[:, 1]], 1)
    middle = (low + high) / 2
    return (turn @ middle[:, :, None])[:, :, 0], ROOM * (high - low).amax(1), along


class Track(torch.nn.Module):
    """`forward(image, landmarks)`: u8 [H,W,3] RGB, f32 [1,68,2] px -> landmarks f32 [1,68,2] px, score f32 [1]."""

    def __init__(self, mesh):
        super().__init__()
        self.mesh = Mesh(mesh)

    def forward(self, image, landmarks):
        center, side, along = place(landmarks)
        points, flag = self.mesh(lit(crops(image, center, side, along)), True)
        return to_image(from_mesh(points), center, side, along), flag


def build(out, cache):
    """Writes track.onnx into `out`."""
    _, mesh, _ = face.sources(cache)
    target = Path(out) / 'track.onnx'
    example = (torch.zeros(360, 480, 3, dtype=torch.uint8), 100 * torch.rand(1, 68, 2))
    with warnings.catch_warnings():
        # The exporter warns of sizes that are taken for constants: the crop's, which are.
        warnings.simplefilter('ignore')
        torch.onnx.export(
            Track(mesh).eval(), example, target, dynamo=False, opset_version=17, input_names=['image', 'last'],
            output_names=['landmarks', 'score'], dynamic_axes={'image': {0: 'H', 1: 'W'}},
        )
    model = store_halves(onnx.load(target))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, target)
