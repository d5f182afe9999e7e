"""The checkpoint files: where they lie, what they weigh, whose they are, and where to get them.

`python -m musetalk_export.layout DIR` looks whether a folder has them, and needs no package.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

MODEL = Path(__file__).parents[2] / 'musetalk-v1.5'
"""Templates, recipes, and the list of files, which others read too."""
LIST = json.loads((MODEL / 'files.json').read_text())
"""What the lists mean says README.md beside it."""
FILES = {file['path']: file for slot in LIST['slots'] for file in (*slot['files'], *slot.get('exporterOnly', ()))}
KNOWN = {file['sha256']: 'official file' for file in FILES.values()}
CONTENTS = LIST['contents']


@dataclass(frozen=True)
class Source:
    """One checkpoint of the official layout, which any of several files holds."""

    slot: str
    origin: str
    """Repository of the public model hub, or address, that holds the file."""
    license: str
    paths: tuple[str, ...]
    config: str | None = None
    """JSON file that must lie beside the weights."""

    def file(self, folder: Path) -> str | None:
        """The first of its files that a folder has."""
        return next((path for path in self.paths if (folder / path).is_file()), None)


def source(name: str, files: str = 'files') -> Source:
    slots = {slot['name']: slot for slot in LIST['slots']}
    slot, config = slots[name], slots.get(f'{name}-config')
    paths = tuple(file['path'] for file in slot[files])
    return Source(name, slot['origin'], slot['license'], paths, config and config['files'][0]['path'])


UNET, VAE, WHISPER, PARSE, DETECTOR, POSE = map(source, ('unet', 'vae', 'whisper', 'parse', 'detector', 'pose'))
POSE_ONNX = source('pose', 'exporterOnly')
SOURCES = (UNET, VAE, WHISPER, PARSE, DETECTOR, POSE)

REQUIRED = (UNET, VAE, WHISPER, PARSE)
"""Without the face files there is no `face` graph, and jobs bring their own boxes."""


class CheckpointError(Exception):
    """A checkpoint is missing or not what it should be; the message says which and what to do."""


def present(folder: Path) -> tuple[Source, ...]:
    """The checkpoints that an export of this folder uses, the pose network as it is at hand.

    @raises CheckpointError naming every required file that is missing and where to get it
    """
    missing = [
        f'  {name} from {source.origin}'
        for source in REQUIRED
        for name in (source.file(folder) or source.paths[0], *([source.config] if source.config else ()))
        if not (folder / name).is_file()
    ]
    if missing:
        raise CheckpointError('\n'.join([f'{folder} lacks', *missing]))
    poses = [source for source in (POSE, POSE_ONNX) if source.file(folder)]
    if not poses:
        return REQUIRED
    if not DETECTOR.file(folder):
        raise CheckpointError(f'{folder} has {poses[0].file(folder)} but lacks\n  {DETECTOR.paths[0]} from {DETECTOR.origin}')
    return (*REQUIRED, DETECTOR, poses[0])


if __name__ == '__main__':
    try:
        present(Path(sys.argv[1]))
    except CheckpointError as error:
        sys.exit(str(error))
