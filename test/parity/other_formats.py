"""Writes checkpoints again, the same tensors in another format.

    python other_formats.py CHECKPOINTS OUT FORMAT [FILE...]

FORMAT: legacy (torch before 1.6), safetensors, strided (torch's zip format; of every weight the axes lie in another order).
"""

import sys
from pathlib import Path

import safetensors.torch
import torch

WRAPPER = 'state_dict'


def strided(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.dim() == 4:
        return tensor.contiguous(memory_format=torch.channels_last)
    return tensor.transpose(0, -1).contiguous().transpose(0, -1) if tensor.dim() > 1 else tensor


def write(loaded: dict, path: Path, kind: str) -> None:
    tensors = loaded.get(WRAPPER, loaded)
    if kind == 'safetensors':
        safetensors.torch.save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    elif kind == 'legacy':
        torch.save(loaded, path, _use_new_zipfile_serialization=False)
    elif kind == 'strided':
        torch.save({name: strided(tensor) for name, tensor in tensors.items()}, path)
    else:
        sys.exit(f'no format {kind}')


def main() -> None:
    folder, out, kind, *files = sys.argv[1:]
    for name in files:
        path = Path(out) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(torch.load(Path(folder) / name, weights_only=True), path, kind)


if __name__ == '__main__':
    main()
