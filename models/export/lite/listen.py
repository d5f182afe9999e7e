"""Build listen.onnx: speech (16 kHz, 30 s) -> 8 mouth parameters, 50 per second.

Everything it learns from is synthesized here, with labels, by espeak-ng, flite and festival.
Made with torch 2.15.0, onnx 1.23.2, onnxruntime 1.30.0, numpy 2.4.6, scipy 1.17.1; needs the programs
espeak-ng 1.51 (libespeak-ng.so.1), flite 2.2, festival 2.5 with kal, ked and us-slt-hts, and ffmpeg.
"""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from listening.export import SAMPLES, export
from listening.train import train
from speech.corpus import corpus

LICENSE = "same as the product"
ORIGIN = "own, trained on synthetic speech of espeak-ng, flite and festival (kal, ked, us-slt-hts)"


def build(out: Path, cache: Path) -> None:
    """Write out/listen.onnx; speech, clips and trained weights are kept in cache."""
    out.mkdir(parents=True, exist_ok=True)
    cache.mkdir(parents=True, exist_ok=True)
    graph = export(train(cache), out / "listen.onnx")
    _check(graph, out / "listen.onnx", cache)


def _check(graph, path, cache):
    """The file must say what the network says, and rest in digital silence."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(3)
    speech = np.concatenate([pcm for pcm, _ in corpus("held_out", cache)[:12]])[:SAMPLES] / np.float32(32768)
    cases = [np.zeros(SAMPLES), np.pad(speech, (0, SAMPLES - len(speech))), rng.normal(0, 1e-3, SAMPLES)]
    for pcm in cases:
        pcm = pcm.astype(np.float32)
        states = session.run(None, {"pcm": pcm})[0]
        with torch.no_grad():
            expected = graph(torch.from_numpy(pcm)).numpy()
        difference = np.abs(states - expected).max()
        if states.shape != (1500, 1, 8) or difference > 5e-3:  # fp16 storage
            raise RuntimeError(f"listen.onnx differs from its network by {difference}")
    silent = session.run(None, {"pcm": np.zeros(SAMPLES, np.float32)})[0]
    if silent[..., 0].any() or np.abs(np.diff(silent, axis=0)).max() > 0.01:
        raise RuntimeError("listen.onnx does not rest in digital silence")
