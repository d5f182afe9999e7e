"""Compares a bundle of the full-size golden weights, in single precision, with what the reference made of them.

    PYTHONPATH=models/export python -m musetalk_export.full_check --bundle BUNDLE --golden DIR

Slow: the full-size networks on a CPU, about a minute of one core and 7 GB of memory.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from PIL import Image

from .gate import GateError, Limit, session
from .networks.mel import SAMPLES
from .write import files


def with_unet(bundle: Path, folder: Path) -> Path:
    """`generate` with the UNet's latent as a second output; its weights are linked, not copied."""
    graph, *data = files(bundle / 'generate.onnx')
    for file in data:
        os.link(file, folder / file.name)
    model = onnx.load(graph, load_external_data=False)
    last = next(node for node in model.graph.node if node.op_type == 'Conv' and 'unet.conv_out.weight' in node.input)
    model.graph.output.append(onnx.ValueInfoProto(name=last.output[0]))
    onnx.save(model, folder / graph.name)
    return folder / graph.name


def check(bundle: Path, golden: Path, folder: Path) -> None:
    """@raises GateError naming the first stage that is off"""
    told = json.loads((golden / 'checkpoints/full-check.json').read_text())

    def values(name: str, stage: str, made: np.ndarray, limit: Limit) -> None:
        limit.check(stage, made.reshape(-1)[told[name]['index']], np.array(told[name]['value']))

    pcm = np.zeros(SAMPLES, np.float32)
    heard = np.load(golden / 'audio/yongen.pcm16k.npy')[:SAMPLES]
    pcm[:len(heard)] = heard
    states = session(bundle / 'listen.onnx').run(None, {'pcm': pcm})[0]
    values('states_of_yongen_mel', 'listen', states, Limit(1e-4, 2e-6))
    crop = np.asarray(Image.open(golden / 'clip/crops/0000.png').convert('RGB'))[None]
    values('latents_of_crop_0000', 'encode', session(bundle / 'encode.onnx').run(None, {'crop': crop})[0], Limit(2e-4, 2e-5))
    inputs = {'latent': np.load(golden / 'clip/unet-in.npy')[:1], 'prompt': np.load(golden / 'clip/unet-prompts.npy')[:1]}
    face, latent = session(with_unet(bundle, folder)).run(None, inputs)
    Limit(1e-4, 1e-5).check('generate, UNet', latent, np.load(golden / 'checkpoints/full-unet-out.npy'))
    wanted = np.asarray(Image.open(golden / 'checkpoints/full-face.png').convert('RGB'))
    Limit(1, 5e-3).check('generate, face', face[0], wanted)


def main() -> int:
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument('--bundle', type=Path, required=True)
    parse.add_argument('--golden', type=Path, required=True)
    chosen = parse.parse_args()
    # Beside the bundle, because a link cannot leave its file system.
    with tempfile.TemporaryDirectory(dir=chosen.bundle.resolve().parent) as folder:
        try:
            check(chosen.bundle, chosen.golden, Path(folder))
        except GateError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
