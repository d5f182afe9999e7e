"""Measure a listen graph on real and synthetic speech; every row of listen.md comes from here.

    python -m measure.listen --graph ../../lite/listen.onnx --cache CACHE [--part test|dev] [--labels text|recognized]

CACHE keeps alignments and synthetic speech. Recordings: Debian's asterisk-core-sounds-en-g722, and eng.wav,
yongen.wav, sun.wav of SHARED_DIR/media (default ../shared). Nothing here was trained on.
"""

import argparse
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime as ort
from listening.targets import curves
from measure import listen_robust as checks
from measure import listen_scores as scores
from measure.listen_robust import OVERLAP_S, WINDOW
from speech.align import Aligner, load, recording, segments
from speech.corpus import corpus
from speech.espeak import HELD_OUT, Espeak
from speech.phones import PARAMETERS
from speech.prompts import prompts
from speech.text import Sentences

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
        """Any length -> f32 [50 per second, 8]: 30 s windows, cut as the pipeline does."""
        cut = round(OVERLAP_S * 50)
        out, start, step = [], 0, WINDOW - 640 * cut
        while True:
            states = self.window(pcm[start : start + WINDOW])
            last = start + WINDOW >= len(pcm)
            first = cut if start else 0
            out.append(states[first : (len(pcm) - start) // 320 if last else 1500 - cut])
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


def held_out_voices(listen, cache):
    cases = []
    for pcm, rows in corpus("held_out", cache):
        states = listen(pcm.astype(np.float32) / 32768)
        segs = [(int(c), float(a), float(b)) for c, a, b in rows]
        cases.append((states, segs, curves(segs, len(states))))
    show("espeak-ng variants that were not trained on", scores.table(cases, 100))
    show_lag(cases)


def languages(listen):
    """Native sentences by unseen espeak variants; the same sentences in other voices were trained on."""
    rng, espeak = np.random.default_rng(11), Espeak()
    print("\n## other languages, unseen espeak variants: r open, round, press; press hits; false closures")
    for language in ("de", "fr", "es", "it", "pt", "pl", "tr", "cmn-latn-pinyin"):
        cases, text = [], Sentences(rng)
        for _ in range(20):
            pcm, segs = espeak.say(str(text.of(language)), f"{language}+{rng.choice(HELD_OUT)}", rng.uniform(130, 190))
            states = listen(pcm)
            cases.append((states, segs, curves(segs, len(states))))
        rows = {name: value for name, value, *_ in scores.table(cases, 2)}
        wanted = ("r open", "r round", "r press", "m/b/p: press peak > .5", "other phones: press > .5 at the center")
        print(f"{language:16s}", " ".join(f"{rows[name]:.3f}" for name in wanted))


if __name__ == "__main__":
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--graph", type=Path, required=True)
    args.add_argument("--cache", type=Path, required=True)
    args.add_argument("--part", choices=["test", "dev"], default="test")
    args.add_argument("--labels", choices=["text", "recognized"], default="text")
    args.add_argument("--only-prompts", action="store_true")
    args = args.parse_args()
    graph = Listen(args.graph)
    real_prompts(graph, args.cache, args.part, args.labels)
    if not args.only_prompts:
        english(graph, args.cache)
        checks.plausible(graph, MEDIA)
        held_out_voices(graph, args.cache)
        languages(graph)
        checks.robust(graph, MEDIA)
        checks.silence(graph)
        checks.seams(graph, MEDIA)
        checks.speed(graph, args.graph)
