"""Reads checkpoint files: safe unpickling, and a hash that says whose weights they are."""

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file

from . import inert
from .layout import CONTENTS, FILES, KNOWN, CheckpointError, Source

WRAPPER = 'state_dict'
"""mmpose keeps the tensors under this key, beside notes on the training."""
UNKNOWN = 'unknown weights'
ROOM = 1.2
"""Times the official file's size: a bigger one is something else."""


@dataclass(frozen=True)
class Checkpoint:
    source: Source
    path: str
    """In the official layout: of the file that was read."""
    tensors: dict[str, torch.Tensor]
    what: str
    """What files.json calls the weights, or UNKNOWN."""
    config: dict


def read(folder: Path, source: Source, allow_unknown: bool = False) -> Checkpoint:
    """One checkpoint, verified. An .onnx file has no tensors here: only its hash is checked.

    @raises CheckpointError
    """
    name = source.file(folder)
    path, most = folder / name, int(FILES[name]['bytes'] * ROOM)
    if path.stat().st_size > most:
        raise CheckpointError(f'{path} has {path.stat().st_size:,} bytes; the official file is below {most:,}')
    digest = file_hash(path)
    tensors = {} if path.suffix == '.onnx' else load(path)
    what = KNOWN.get(digest) or CONTENTS.get(content_hash(tensors), UNKNOWN)
    if what == UNKNOWN and not allow_unknown:
        raise CheckpointError(
            f'{path}: these weights are not in files.json (SHA-256 of the file {digest}, of its tensors '
            f'{content_hash(tensors)}); --allow-unknown takes them as they are'
        )
    return Checkpoint(source, name, tensors, what, json.loads((folder / source.config).read_text()) if source.config else {})


def load(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file, by name.

    @raises CheckpointError
    """
    if path.suffix != '.safetensors':
        return unpickle(path)
    try:
        return load_file(path)
    except Exception as cause:
        raise CheckpointError(f'{path} is not a safetensors file') from cause


def unpickle(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a torch pickle, which may not run code whatever it holds.

    @raises CheckpointError when it holds no tensors, or more than tensors in the old format
    """
    zipped = zipfile.is_zipfile(path)
    try:
        # Mapped, not read, where the format allows: the UNet alone is 3.4 GB.
        loaded = torch.load(path, map_location='cpu', weights_only=True, mmap=zipped)
    except Exception as cause:
        if not zipped:
            raise CheckpointError(f'{path} is not a torch file, or holds more than tensors') from cause
        loaded = inert.load(path)
    tensors = loaded.get(WRAPPER, loaded) if isinstance(loaded, dict) else None
    if not tensors or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise CheckpointError(f'{path} is not a plain dict of tensors')
    return {name: tensor.detach() for name, tensor in tensors.items()}


def file_hash(path: Path) -> str:
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def content_hash(tensors: dict[str, torch.Tensor]) -> str:
    """SHA-256 over key|AxB|dtype|bytes of every tensor in the order of the keys: the same for every pickle writer."""
    digest = hashlib.sha256()
    for key in sorted(tensors):
        array = tensors[key].contiguous().numpy()
        digest.update(f'{key}|{"x".join(map(str, array.shape))}|{array.dtype.name}|'.encode())
        digest.update(array.data)
    return digest.hexdigest()


def fill(module: torch.nn.Module, tensors: dict[str, torch.Tensor], where: str, unused: tuple[str, ...] = ()) -> torch.nn.Module:
    """Make tensors those of a network, name for name and shape for shape, ready for inference and not copied.

    @param unused prefixes of names that the file holds and the network has no use for
    @raises CheckpointError
    """
    wanted = {key: tensor for key, tensor in tensors.items() if not key.startswith(unused)} if unused else tensors
    try:
        module.load_state_dict(wanted, strict=True, assign=True)
    except RuntimeError as cause:
        raise CheckpointError(f'{where} does not fit its network: {cause}') from cause
    return module.eval().requires_grad_(False)
