"""The checkpoint files: where they lie, what they weigh, whose they are, and where to get them."""

from dataclasses import dataclass


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
