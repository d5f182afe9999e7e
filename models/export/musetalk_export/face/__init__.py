"""The `face` graphs: S3FD finds the face, DWPose its 68 points."""

import hashlib
from pathlib import Path

from ..checkpoints import fill, read
from ..layout import POSE, POSE_ONNX, S3FD
from . import graphs, parts
from .gate import against_networks
from .public import public_pose
from .rtmpose import RtmPose
from .s3fd import S3fd
from .store import Weights


def export_face(checkpoints: Path, out: Path, precision: str) -> dict[str, dict]:
    """Writes face.onnx, face_reference.onnx and their weights, face.data, into `out`; manifest entries by graph.

    @param checkpoints with S3FD and either file of DWPose, verified before
    @param precision of the bundle; these graphs are fp32 in every bundle, a box a px off costs more than they do
    @raises CheckpointError, GateError
    """
    detector = fill(S3fd(), read(checkpoints, S3FD, allow_unknown=True).tensors, S3FD.path)
    pose = None
    if (checkpoints / POSE.path).is_file():
        pose = fill(RtmPose(), read(checkpoints, POSE, allow_unknown=True).tensors, POSE.path)
    networks = parts.detector(detector), parts.pose(pose) if pose else public_pose(checkpoints / POSE_ONNX.path)
    weights = Weights(out / 'face.data')
    files = {
        'face': weights.save(graphs.tracked(*networks), 'face.onnx'),
        'face_reference': weights.save(graphs.reference(*networks), 'face_reference.onnx'),
    }
    against_networks('face', files['face'], 'smaller', detector, pose)
    against_networks('face_reference', files['face_reference'], 'pixels', detector, pose)
    data = [described(weights.path)]
    about = {'licence': f'{S3FD.licence}; {POSE.licence}', 'origin': f'{S3FD.origin}; {POSE.origin}', 'data': data}
    return {name: described(file) | about for name, file in files.items()}


def described(file: Path) -> dict:
    with file.open('rb') as content:
        return {'file': file.name, 'bytes': file.stat().st_size, 'sha256': hashlib.file_digest(content, 'sha256').hexdigest()}
