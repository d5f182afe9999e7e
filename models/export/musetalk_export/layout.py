"""The checkpoint files: where they lie, what they weigh, whose they are, and where to get them.

`python -m musetalk_export.layout DIR` looks whether a folder has them, and needs no package.
"""

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """One checkpoint file of the official layout."""

    path: str
    origin: str
    """Repository of the public model hub, or address, that holds the file."""
    licence: str
    config: tuple[str, ...] = ()
    """JSON files that must lie beside the weights."""
    limit_mb: int = 4000
    """More than the official file weighs: a bigger one is something else."""


# Sizes of the official files: 3,400,074,924, 334,707,217, 151,095,027, 53,289,463, 89,843,225, 406,878,486 and 134,399,116 bytes.
UNET = Source(
    'musetalkV15/unet.pth', 'TMElyralab/MuseTalk',
    "MIT code; weights for any purpose, commercial included (authors' README); model hub tag creativeml-openrail-m",
    ('musetalkV15/musetalk.json',),
)
VAE = Source('sd-vae/diffusion_pytorch_model.bin', 'stabilityai/sd-vae-ft-mse', 'MIT', ('sd-vae/config.json',), 400)
WHISPER = Source('whisper/pytorch_model.bin', 'openai/whisper-tiny', 'Apache-2.0', ('whisper/config.json',), 200)
PARSE = Source(
    'face-parse-bisent/79999_iter.pth', 'ManyOtherFunctions/face-parse-bisent (of zllrunning/face-parsing.PyTorch)',
    'MIT; trained on CelebAMask-HQ, a data set for non-commercial research', (), 60,
)
S3FD = Source(
    's3fd-619a316812.pth', 'www.adrianbulat.com/downloads/python-fan/s3fd-619a316812.pth (of face-alignment)',
    'BSD-3-Clause', (), 100,
)
POSE = Source('dwpose/dw-ll_ucoco_384.pth', 'yzd-v/DWPose', 'Apache-2.0', (), 500)
POSE_ONNX = Source('dwpose/dw-ll_ucoco_384.onnx', 'yzd-v/DWPose', 'Apache-2.0', (), 200)

REQUIRED = (UNET, VAE, WHISPER, PARSE)
"""Without the face files there is no `face` graph, and jobs bring their own boxes."""


class CheckpointError(Exception):
    """A checkpoint is missing or not what it should be; the message says which and what to do."""


def present(folder: Path) -> tuple[Source, ...]:
    """The files an export of this folder uses, the pose network as it is at hand.

    @raises CheckpointError naming every required file that is missing and where to get it
    """
    missing = [
        f'  {name} from {source.origin}'
        for source in REQUIRED for name in (source.path, *source.config) if not (folder / name).is_file()
    ]
    if missing:
        raise CheckpointError('\n'.join([f'{folder} lacks', *missing]))
    poses = [source for source in (POSE, POSE_ONNX) if (folder / source.path).is_file()]
    if not poses:
        return REQUIRED
    if not (folder / S3FD.path).is_file():
        raise CheckpointError(f'{folder} has {poses[0].path} but lacks\n  {S3FD.path} from {S3FD.origin}')
    return (*REQUIRED, S3FD, poses[0])


if __name__ == '__main__':
    try:
        present(Path(sys.argv[1]))
    except CheckpointError as error:
        sys.exit(str(error))
