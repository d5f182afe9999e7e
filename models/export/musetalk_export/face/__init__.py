"""The `face` graphs: S3FD finds the face, DWPose its 68 points."""

import hashlib
from pathlib import Path

from ..checkpoints import fill, read
from ..layout import POSE, S3FD
from . import graphs, parts
from .rtmpose import RtmPose
from .s3fd import S3fd
from .store import Weights


def export_face(checkpoints: Path, out: Path, precision: str) -> dict[str, dict]:
    """Writes face.onnx, face_reference.onnx and their weights, face.data, into `out`; manifest entries by graph."""
    detector = parts.detector(fill(S3fd(), read(checkpoints, S3FD, allow_unknown=True).tensors, S3FD.path))
    pose = parts.pose(fill(RtmPose(), read(checkpoints, POSE, allow_unknown=True).tensors, POSE.path))
    weights = Weights(out / 'face.data')
    files = {
        'face': weights.save(graphs.tracked(detector, pose), 'face.onnx'),
        'face_reference': weights.save(graphs.reference(detector, pose), 'face_reference.onnx'),
    }
    data = [described(weights.path)]
    licence = f'{S3FD.licence}; {POSE.licence}'
    origin = f'{S3FD.origin}; {POSE.origin}'
    return {name: described(file) | {'licence': licence, 'origin': origin, 'data': data} for name, file in files.items()}


def described(file: Path) -> dict:
    return {'file': file.name, 'bytes': file.stat().st_size, 'sha256': hashlib.sha256(file.read_bytes()).hexdigest()}
