"""The `face` graphs: S3FD finds the face, DWPose its 68 points."""

from pathlib import Path

import onnx_ir

from ..checkpoints import Checkpoint, fill
from ..weights import Weights, save
from . import graphs, parts
from .gate import against_networks
from .public import MIRRORED, PLAIN, public_pose
from .rtmpose import RtmPose
from .s3fd import S3fd

FILES = ('face.onnx', 'face_reference.onnx', 'face.data')


def write_face(detector: Checkpoint, pose: Checkpoint, folder: Path, out: Path) -> None:
    """Write FILES into `out`. They are in single precision in every bundle: a box a px off costs more than they do.

    @param folder of the checkpoints, with the pose network's .onnx where `pose` has no tensors
    @raises CheckpointError
    """
    network = parts.pose(pose_network(pose)) if pose.tensors else public_pose(folder / pose.path)
    found = parts.detector(detector_network(detector))
    weights = Weights(out / FILES[2])
    for graph, file in zip((graphs.tracked, graphs.reference), FILES):
        save(onnx_ir.from_proto(graph(found, network)), out / file, weights, key=lambda name: name.replace(MIRRORED, PLAIN))


def check_face(detector: Checkpoint, pose: Checkpoint, out: Path) -> None:
    """@raises GateError"""
    networks = detector_network(detector), pose_network(pose) if pose.tensors else None
    for file, pixels in zip(FILES, ('smaller', 'pixels')):
        against_networks(Path(file).stem, out / file, pixels, *networks)


def detector_network(checkpoint: Checkpoint) -> S3fd:
    return fill(S3fd(), checkpoint.tensors, checkpoint.path)


def pose_network(checkpoint: Checkpoint) -> RtmPose:
    return fill(RtmPose(), checkpoint.tensors, checkpoint.path)
