"""Writes checkpoints of the official layout again: the same tensors in other formats.

    python other_formats.py CHECKPOINTS OUT MIX

MIX: `new` (safetensors twins where there are, torch's zip format, axes in another order), `old` (torch before 1.6, new
names of the VAE, many tensors in one storage, parameters).
"""

import shutil
import sys
from collections import OrderedDict
from pathlib import Path

import safetensors.torch
import torch

CONFIGS = ('musetalkV15/musetalk.json', 'sd-vae/config.json', 'whisper/config.json')
WRAPPER = 'state_dict'
VAE_NAMES = {'.query.': '.to_q.', '.key.': '.to_k.', '.value.': '.to_v.', '.proj_attn.': '.to_out.0.'}

Tensors = dict[str, torch.Tensor]


def strided(tensors: Tensors) -> Tensors:
    """The axes of each weight in another order."""

    def one(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.dim() == 4:
            return tensor.contiguous(memory_format=torch.channels_last)
        return tensor.transpose(0, -1).contiguous().transpose(0, -1) if tensor.dim() > 1 else tensor

    return {name: one(tensor) for name, tensor in tensors.items()}


def views(tensors: Tensors) -> Tensors:
    """All floats in one storage."""
    floats = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
    storage = torch.cat([tensor.reshape(-1) for tensor in floats.values()])
    parts = storage.split([tensor.numel() for tensor in floats.values()])
    placed = {name: part.view(floats[name].shape) for name, part in zip(floats, parts, strict=True)}
    return {name: placed.get(name, tensor) for name, tensor in tensors.items()}


def parameters(tensors: Tensors) -> Tensors:
    return {name: torch.nn.Parameter(tensor) if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


def renamed(tensors: Tensors) -> Tensors:
    """By the names that newer libraries give the VAE's attention."""

    def new(name: str) -> str:
        for old, now in VAE_NAMES.items():
            name = name.replace(old, now)
        return name

    return {new(name): tensor for name, tensor in tensors.items()}


def as_safetensors(tensors: Tensors, path: Path) -> None:
    safetensors.torch.save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, {'format': 'pt'})


def as_zip(tensors: Tensors, path: Path) -> None:
    torch.save(OrderedDict(tensors), path)


def as_legacy(tensors: Tensors, path: Path) -> None:
    torch.save(OrderedDict(tensors), path, _use_new_zipfile_serialization=False)


def as_mmpose(tensors: Tensors, path: Path) -> None:
    """With what a training leaves around them."""
    state = {'meta': {'epoch': 1}, 'optimizer': {'state': {0: {'step': torch.tensor(3.0)}}}, WRAPPER: OrderedDict(tensors)}
    torch.save(state, path)


UNET, VAE, WHISPER = 'musetalkV15/unet.pth', 'sd-vae/diffusion_pytorch_model.bin', 'whisper/pytorch_model.bin'
PARSE, DETECTOR, POSE = 'face-parse-bisent/79999_iter.pth', 's3fd-619a316812.pth', 'dwpose/dw-ll_ucoco_384.pth'

MIXES = {
    'new': {
        UNET: (UNET, strided, as_zip),
        VAE: ('sd-vae/diffusion_pytorch_model.safetensors', dict, as_safetensors),
        WHISPER: ('whisper/model.safetensors', dict, as_safetensors),
        PARSE: (PARSE, dict, as_zip),
        DETECTOR: (DETECTOR, views, as_zip),
        POSE: (POSE, dict, as_mmpose),
    },
    'old': {
        UNET: (UNET, dict, as_legacy),
        VAE: (VAE, lambda tensors: views(renamed(tensors)), as_legacy),
        WHISPER: (WHISPER, parameters, as_legacy),
        PARSE: (PARSE, strided, as_legacy),
        DETECTOR: (DETECTOR, dict, as_legacy),
        POSE: (POSE, dict, as_legacy),
    },
}


def main() -> None:
    source, out, mix = Path(sys.argv[1]), Path(sys.argv[2]), MIXES[sys.argv[3]]
    for name in CONFIGS:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, out / name)
    for name, (target, change, write) in mix.items():
        (out / target).parent.mkdir(parents=True, exist_ok=True)
        loaded = torch.load(source / name, weights_only=True)
        write(change(loaded.get(WRAPPER, loaded)), out / target)


if __name__ == '__main__':
    main()
