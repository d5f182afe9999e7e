"""What checkpoints must be like, for a recipe to be theirs."""

import inspect

from diffusers import AutoencoderKL, UNet2DConditionModel

from ..checkpoints import Checkpoint
from ..layout import UNET, VAE, WHISPER
from ..networks.listen import SETTINGS
from ..networks.vae import NEW_NAMES

ALIASES = {
    VAE: {f'.{old}.': f'.{new}.' for old, new in NEW_NAMES.items()},
    WHISPER: {'model.encoder.': 'encoder.'},
}
"""What other writers of checkpoints call tensors."""
NETWORKS = {UNET: UNet2DConditionModel, VAE: AutoencoderKL}
IDLE = {'self', 'sample_size'}
"""Parameters of networks that change nothing."""


def demanded(checkpoint: Checkpoint, parts: list[dict]) -> dict:
    """Tensors that parts use and their shapes, other names of them, and settings that shapes do not show."""
    source = checkpoint.source
    used = {name for part in parts if part['slot'] == source.slot for name in part['tensors']}
    told = {
        'tensors': {name: list(tensor.shape) for name, tensor in checkpoint.tensors.items() if name in used},
        'aliases': ALIASES.get(source, {}),
    }
    if source.config:
        told['config'] = {'file': source.config, **settings(checkpoint)}
    return told


def settings(checkpoint: Checkpoint) -> dict:
    """Those that must be there, and those that must be usual where they are."""
    config = checkpoint.config
    if checkpoint.source == WHISPER:
        return {'given': {name: config[name] for name in SETTINGS}, 'usual': {}}
    parameters = inspect.signature(NETWORKS[checkpoint.source].__init__).parameters
    usual = {name: plain(parameter.default) for name, parameter in parameters.items() if name not in IDLE}
    given = {name: config[name] for name in usual if name in config and config[name] != usual[name]}
    return {'given': given, 'usual': {name: value for name, value in usual.items() if name not in given}}


def plain(value: object) -> object:
    """As JSON has it."""
    return list(value) if isinstance(value, tuple) else value
