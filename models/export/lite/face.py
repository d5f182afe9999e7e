"""The bundle's `face` graph: a picture of any size -> up to four faces with 68 landmarks, the best first.

Detector -> mesh on a crop turned level by the eyes -> mesh again on a crop set by the first mesh. The second pass
takes the detector's jitter out of the landmarks.
"""

import hashlib
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import onnx
import torch
from face_graph.crop import CROP, ROOM, crops, direction, lit, to_image
from face_graph.detect import LOW, Detector, at_least_one
from face_graph.mesh import Mesh
from face_graph.points import from_mesh
from face_graph.tflite_onnx import nms
from face_graph.tflite_store import store_halves

LICENSE = 'Apache-2.0'
ORIGIN = "converted from MediaPipe's full-range face detector and attention mesh (PyPI mediapipe 0.10.14)"
WHEEL = 'mediapipe-0.10.14-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl'
SHA256 = {
    WHEEL: 'a807328339e7356fda0bb14df12fedbf1d33bdf81649c5f8666b0026b1cc30b4',
    'mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite': '2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1',
    'mediapipe/modules/face_landmark/face_landmark_with_attention.tflite': 'e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4',
}
MOST = 4
# Faces scoring GOOD or more are ordered by size alone.
GOOD = 0.5
# Two meshes overlapping by more than this are one face.
OVERLAP = 0.3
OUTER_RIGHT_EYE, OUTER_LEFT_EYE = 33, 263


def ranked(points, scores):
    """Boxes [K,4] px and ranks [K] of faces: the largest good one highest, 0 for what is no face."""
    low, high = points.amin(1), points.amax(1)
    size = (high - low).prod(1).sqrt()
    ranks = size * (scores / GOOD).clamp(max=1).square() * (scores > LOW)
    return torch.cat([low, high], 1), ranks


class Face(torch.nn.Module):
    def __init__(self, detector, mesh):
        super().__init__()
        self.detector, self.mesh = Detector(detector, MOST), Mesh(mesh)

    def forward(self, image):
        boxes, found, eyes = self.detector(image)
        center, side = (boxes[:, :2] + boxes[:, 2:]) / 2, ROOM * (boxes[:, 2:] - boxes[:, :2]).amax(1)
        along = direction(eyes[:, 0], eyes[:, 1])
        local, flag = self.mesh(lit(crops(image, center, side, along)), False)
        points = to_image(local, center, side, along)

        areas, ranks = ranked(points, found * flag)
        # Two detections that led to the same face are told apart here, before the second pass is paid for.
        kept = nms(areas, at_least_one(ranks, found), MOST, OVERLAP)
        boxes, found, local, points, center, side, along = (v[kept] for v in (boxes, found, local, points, center, side, along))
        # The mesh's box is taken in the level crop: in the picture it would grow as the head tilts.
        low, high = local.amin(1), local.amax(1)
        center = to_image(((low + high) / 2)[:, None], center, side, along)[:, 0]
        side = ROOM / CROP * (high - low).amax(1) * side
        along = direction(points[:, OUTER_RIGHT_EYE], points[:, OUTER_LEFT_EYE])
        local, flag = self.mesh(lit(crops(image, center, side, along)), True)
        points = to_image(local, center, side, along)

        scores = found * flag
        kept = nms(*ranked(points, scores), MOST, OVERLAP)
        return boxes[kept], scores[kept], from_mesh(points[kept])


def sources(cache):
    """Bytes of the detector, the mesh and MediaPipe's license, out of the pinned wheel in `cache`."""
    wheel = Path(cache) / WHEEL
    if not wheel.exists():
        subprocess.run([
            sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--python-version', '3.11',
            '--platform', 'manylinux2014_x86_64', '--dest', str(cache), 'mediapipe==0.10.14',
        ], check=True)
    checked(WHEEL, wheel.read_bytes())
    with zipfile.ZipFile(wheel) as archive:
        detector, mesh = (checked(name, archive.read(name)) for name in list(SHA256)[1:])
        return detector, mesh, archive.read('mediapipe-0.10.14.dist-info/LICENSE')


def checked(name, data):
    if hashlib.sha256(data).hexdigest() != SHA256[name]:
        raise ValueError(f'{name} is not the pinned file')
    return data


def build(out, cache):
    """Writes face.onnx and MediaPipe's license into `out`."""
    detector, mesh, license = sources(cache)
    target = Path(out) / 'face.onnx'
    with warnings.catch_warnings():
        # The exporter warns of the torch side of `Nms`, which it does not trace.
        warnings.simplefilter('ignore')
        torch.onnx.export(
            Face(detector, mesh).eval(), (torch.zeros(360, 480, 3, dtype=torch.uint8),), target, dynamo=False, opset_version=17,
            input_names=['image'], output_names=['boxes', 'scores', 'landmarks'],
            dynamic_axes={'image': {0: 'H', 1: 'W'}, 'boxes': {0: 'K'}, 'scores': {0: 'K'}, 'landmarks': {0: 'K'}},
        )
    model = store_halves(onnx.load(target))
    for axis, size in enumerate((68, 2), 1):
        # The exporter loses track of these two.
        model.graph.output[2].type.tensor_type.shape.dim[axis].dim_value = size
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, target)
    (Path(out) / 'LICENSE.mediapipe').write_bytes(license)
