"""Measure what lies inside the graphs of a bundle: log-mel, positional encoding, UNet and decoder before rounding.

python inside.py BUNDLE GOLDEN prints one row of the fidelity table per line, as JSON. BUNDLE is exported from the tiny
golden checkpoints, GOLDEN is the folder of what the reference computed from them. Tensors are found by the weights
that meet them, because exporters invent names for everything else.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

LATENT_SCALE = 0.18215

# Log-mel of 3 s of the chirp 0.5 sin(2 pi (200 t + 300 t^2)) at (band, frame), as whisper's own extractor computes it: in
# single precision, so that a computation in double is 9.5e-6 away at (30, 200).
CHIRP = {
    (0, 0): 1.170149, (5, 0): 1.276994, (10, 50): 0.900376, (20, 150): -0.137970, (30, 200): -0.382005,
    (40, 299): 0.313943, (79, 10): -0.547688, (20, 300): 0.527234, (20, 305): -0.547688, (0, 2999): -0.547688,
}


def node_with(model: onnx.ModelProto, weight: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if weight in node.input)


def run(model: onnx.ModelProto, tensors: list[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The named tensors of a graph, whether or not they are outputs."""
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in tensors)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=['CPUExecutionProvider'])
    return session.run(tensors, feeds)


def row(check: str, what: str, found: np.ndarray, wanted: np.ndarray, limit: float, golden: float | None) -> None:
    off = float(np.abs(found.astype(np.float64) - wanted).max())
    known = {} if golden is None else {'golden': golden}
    print(json.dumps({'check': check, 'what': what, 'figure': 'max', 'found': off, 'limit': limit, **known}))


def log_mel(bundle: Path, golden: Path) -> None:
    def heard(sound: np.ndarray) -> np.ndarray:
        model = onnx.load(bundle / 'listen.onnx')
        pcm = np.zeros(480_000, np.float32)
        pcm[: len(sound)] = sound
        return run(model, [node_with(model, 'encoder.conv1.weight').input[0]], {'pcm': pcm})[0]

    t = np.arange(48_000) / 16_000
    chirp = heard(0.5 * np.sin(2 * np.pi * (200 * t + 300 * t * t)))[0]
    found = np.array([chirp[place] for place in CHIRP])
    row('3', 'log-mel of a chirp, ten values', found, np.array(list(CHIRP.values())), 2e-5, None)
    # The reference transforms in single precision: it is itself 1.1e-5 off in one of these 240,000 values.
    reference = np.load(golden / 'audio/yongen.mel.npy')
    row('3', 'log-mel of yongen, from its samples', heard(np.load(golden / 'audio/yongen.pcm16k.npy')), reference, 2e-5, None)


def generator(bundle: Path, golden: Path) -> None:
    model = onnx.load(bundle / 'generate.onnx')
    latent, prompt = np.load(golden / 'clip/unet-in.npy'), np.load(golden / 'clip/unet-prompts.npy')
    heard = node_with(model, 'prompt').output[0]
    unet = node_with(model, 'post_quant_conv.weight').input[0]
    decoded = node_with(model, 'decoder.conv_out.weight').output[0]
    coded, scaled, floats = run(model, [heard, unet, decoded], {'latent': latent, 'prompt': prompt})
    code = np.load(golden / 'audio/positional-encoding.npy')
    # The reference's own codes, made in single precision, are 3.1e-6 from the exact ones.
    row('6', 'prompt with its positional encoding', coded, prompt + code, 4e-6, None)
    row('13', 'UNet, from latents and prompts', scaled * LATENT_SCALE, np.load(golden / 'clip/unet-out.npy'), 1e-4, 5.3e-6)
    first = np.load(golden / 'clip/decoded-float-first.npy')
    row('13, 14', 'UNet and decoder before rounding, one face', floats[:1], first, 2e-4, None)


if __name__ == '__main__':
    made_of, reference = map(Path, sys.argv[1:])
    log_mel(made_of, reference)
    generator(made_of, reference)
