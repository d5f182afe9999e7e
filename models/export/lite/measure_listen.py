"""Measure a listen graph on real and synthetic speech; every row of listen.md comes from here.

    python measure_listen.py --graph ../../lite/listen.onnx --cache CACHE [--part test|dev] [--labels text|recognised]

CACHE keeps alignments and synthetic speech. Recordings: Debian's asterisk-core-sounds-en-g722, and eng.wav,
yongen.wav, sun.wav of SHARED_DIR/media (default ../shared). Nothing here was trained on.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort

import listen_scores as scores
from listen_targets import curves
from phones import PARAMETERS
from speech_align import RATE, Aligner, load, recording, segments
from speech_corpus import corpus
from speech_prompts import prompts

WINDOW = 480_000
MEDIA = Path(os.environ.get("SHARED_DIR", "../shared")) / "media"


class Listen:
    def __init__(self, path):
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def window(self, pcm):
        """At most 30 s -> f32 [1500, 8]."""
        padded = np.zeros(WINDOW, np.float32)
        padded[: len(pcm)] = pcm[:WINDOW]
        return self.session.run(None, {"pcm": padded})[0][:, 0]

    def __call__(self, pcm):
        """Any length -> f32 [50 per second, 8]: 30 s windows, 1 s overlap cut in its middle."""
        out, start, step = [], 0, WINDOW - RATE
        while True:
            states = self.window(pcm[start : start + WINDOW])
            last = start + WINDOW >= len(pcm)
            first = 25 if start else 0
            out.append(states[first : (len(pcm) - start) // 320 if last else 1475])
            if last:
                return np.concatenate(out)
            start += step


def show(title, rows):
    print(f"\n## {title}")
    for name, value, low, high, n in rows:
        print(f"{name:42s} {value:6.3f}  [{low:.3f}, {high:.3f}]  n {n}")


def show_lag(cases):
    r = np.array([scores.correlations(cases, k) for k in range(-4, 5)])
    print("best lag in 20 ms steps:", " ".join(f"{n} {r[:, k].argmax() - 4:+d}" for k, n in enumerate(PARAMETERS)))


def show_motion(cases):
    turns, short, closures = scores.motion(cases)
    print(f"motion: {turns:.2f} turns/s, {closures:.2f} closures/s, {short:.3f} of them under 60 ms")
    turns, short, closures = scores.motion([(t, s, t) for _, s, t in cases])
    print(f"   targets: {turns:.2f} turns/s, {closures:.2f} closures/s, {short:.3f} under 60 ms")


def real_prompts(listen, cache, part, labels):
    cases = []
    for _, p, pcm, found in prompts(cache / "labels"):
        if p == part and found[labels]:
            states = listen(pcm)
            segs = segments(found[labels])
            cases.append((states, segs, curves(segs, len(states))))
    show(f"prompts, {part}, labels: {labels}, {sum(len(c[0]) for c in cases) / 3000:.1f} min", scores.table(cases))
    show_lag(cases)
    show_motion(cases)


def english(listen, cache):
    """eng.wav: the part that aligns, as pieces of 5 s."""
    pcm, path = load(MEDIA / "eng.wav"), cache / "labels-eng.json"
    if not path.exists():
        path.write_text(json.dumps(recording(Aligner(), pcm)), encoding="utf-8")
    segs = segments(json.loads(path.read_text(encoding="utf-8")))
    states = listen(pcm)
    target = curves(segs, len(states))
    cases = []
    for a in range(0, len(states) - 249, 250):
        inside = [(c, max(0, t0 - a / 50), t1 - a / 50) for c, t0, t1 in segs if t0 * 50 < a + 250 and t1 * 50 > a]
        if sum(t1 - t0 for _, t0, t1 in inside) > 4:
            cases.append((states[a : a + 250], inside, target[a : a + 250]))
    show(f"eng.wav, {len(cases) * 5} s aligned", scores.table(cases))
    show_lag(cases)
    show_motion(cases)


def plausible(listen):
    for name in ("eng", "yongen", "sun"):
        pcm = load(MEDIA / f"{name}.wav")
        states = listen(pcm)
        n = len(states)
        power = np.square(np.pad(pcm, (0, 320))[: n * 320]).reshape(n, 320).mean(1)
        level = 10 * np.log10(np.convolve(power, np.ones(5) / 5, "same") + 1e-8)
        sound = level > level.max() - 30
        r = np.corrcoef(states[:, 0], np.maximum(level, level.max() - 50))[0, 1]
        r2 = np.corrcoef(states[sound, 0], level[sound])[0, 1]
        means = " ".join(f"{k} {v:.2f}" for k, v in zip(PARAMETERS, states[sound].mean(0)))
        print(f"{name}.wav: open with loudness r {r:.2f}, in speech {r2:.2f}; in speech: {means};", end=" ")
        print(f"closures/s {scores.motion([(states[sound], None, None)])[2]:.2f}, open in pauses {states[~sound, 0].mean():.3f}")


def held_out_voices(listen, cache):
    cases = []
    for pcm, rows in corpus("held_out", cache):
        states = listen(pcm.astype(np.float32) / 32768)
        segs = [(int(c), float(a), float(b)) for c, a, b in rows]
        cases.append((states, segs, curves(segs, len(states))))
    show("espeak-ng variants that were not trained on", scores.table(cases, 100))
    show_lag(cases)


def robust(listen):
    pcm = load(MEDIA / "eng.wav")[12 * RATE : 42 * RATE]
    clean = listen.window(pcm)
    rng = np.random.default_rng(0)
    level = np.sqrt(np.square(pcm[np.abs(pcm) > 0.01]).mean())

    def against(name, other):
        print(f"{name:28s} " + " ".join(f"{n} {np.corrcoef(clean[:, k], other[:, k])[0, 1]:.3f}" for k, n in enumerate(PARAMETERS)))

    print("\n## eng.wav 12 s to 42 s against its own clean output, r")
    for gain in (0.02, 0.1, 0.5, 2):
        against(f"level x{gain}", listen.window(np.clip(pcm * gain, -1, 1)))
    for snr in (20, 10):
        noise = rng.standard_normal(len(pcm)).astype(np.float32) * level * 10 ** (-snr / 20)
        against(f"white noise {snr} dB", listen.window(pcm + noise))
    zeros = pcm.copy()
    zeros[10 * RATE : 13 * RATE] = 0
    states = listen.window(zeros)[500:650]
    print(f"3 s of zeros in speech: open max after 0.3 s {states[15:-15, 0].max():.4f}, press {states[40:-40, 4].min():.3f}..{states[40:-40, 4].max():.3f}, largest step {np.abs(np.diff(states[15:-15], axis=0)).max():.4f}")
    states = listen.window(np.zeros(WINDOW, np.float32))
    print(f"digital silence: open max {states[:, 0].max()}, press {states[:, 4].min():.4f}..{states[:, 4].max():.4f}, others max {np.abs(np.delete(states, [0, 4], 1)).max():.4f}, largest step {np.abs(np.diff(states, axis=0)).max():.5f}")
    for db in (-70, -60, -50, -40):
        for slope, what in ((0, "white"), (1, "pink")):
            spectrum = np.fft.rfft(rng.standard_normal(WINDOW)) * np.maximum(np.arange(WINDOW // 2 + 1) / 30, 40.0) ** (-slope / 2)
            noise = np.fft.irfft(spectrum)
            states = listen.window((noise / noise.std() * 10 ** (db / 20)).astype(np.float32))
            print(f"{what} noise only {db} dBFS: open mean {states[:, 0].mean():.4f} max {states[:, 0].max():.3f}, press {states[:, 4].mean():.3f}, other means up to {np.abs(np.delete(states, [0, 4], 1)).mean(0).max():.3f}")
    rs = [np.corrcoef(listen.window(pcm[a * RATE : (a + 2) * RATE])[:100, 0], clean[a * 50 : a * 50 + 100, 0])[0, 1] for a in range(0, 28, 2)]
    print(f"2 s alone against the same in context: open r {np.mean(rs):.3f} (worst {np.min(rs):.3f})")


def seams(listen):
    print("\n## seams: the same second heard by two windows, |difference| of open / press / all")
    for name in ("eng", "sun"):
        pcm = np.tile(load(MEDIA / f"{name}.wav"), 3)
        for at in (0, 7, 11):
            a, b = listen.window(pcm[at * RATE :][:WINDOW]), listen.window(pcm[(at + 29) * RATE :][:WINDOW])
            d = np.abs(a[1450:] - b[:50])
            print(f"{name} +{at} s: middle 0.2 s mean {d[20:30, 0].mean():.4f} / {d[20:30, 4].mean():.4f} / {d[20:30].mean():.4f}, max {d[20:30].max():.4f}; jump at the cut {np.abs(a[1474] - b[25]).max():.3f} against {np.abs(a[1474] - a[1475]).max():.3f} without a seam")


def speed(listen, path):
    pcm = np.random.default_rng(0).normal(0, 0.05, WINDOW).astype(np.float32)
    listen.window(pcm)
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(10):
        listen.window(pcm)
    print(f"\n{path.stat().st_size:,} bytes, {(time.process_time() - cpu) * 100:.0f} ms CPU, {(time.perf_counter() - wall) * 100:.0f} ms wall for 30 s")


if __name__ == "__main__":
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--graph", type=Path, required=True)
    args.add_argument("--cache", type=Path, required=True)
    args.add_argument("--part", choices=["test", "dev"], default="test")
    args.add_argument("--labels", choices=["text", "recognised"], default="text")
    args.add_argument("--only-prompts", action="store_true")
    args = args.parse_args()
    graph = Listen(args.graph)
    real_prompts(graph, args.cache, args.part, args.labels)
    if not args.only_prompts:
        english(graph, args.cache)
        print("\n## plausibility")
        plausible(graph)
        held_out_voices(graph, args.cache)
        robust(graph)
        seams(graph)
        speed(graph, args.graph)
