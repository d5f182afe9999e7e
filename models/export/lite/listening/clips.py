"""8 s training clips: utterances glued with pauses, spoiled, as log mel with their targets; cached."""

import numpy as np
from listening.augment import STYLES, any_codec, colored, spoil
from listening.network import HOP, log_mel
from listening.targets import classes, curves
from speech.corpus import corpus
from speech.phones import SIL

RATE, SECONDS = 16000, 8
STEPS = SECONDS * 50
_GROUP = 50  # clips that share one codec


def clip(rng, voices, style):
    """-> (f32 [8 s], segments). voices: list of corpora, taken with the style's shares."""
    pcm, segments = np.zeros(SECONDS * RATE, np.float32), []
    speech = voices[rng.choice(len(voices), p=style.voices)] if len(voices) > 1 else voices[0]
    spread = rng.choice([2, 4, 7])
    at = 0.0 if rng.random() < 0.5 else rng.uniform(0.1, 3 if rng.random() < 0.2 else 0.8)
    while at < SECONDS:
        sound, rows = speech[rng.integers(len(speech))]
        sound = sound.astype(np.float32) / 32767 * 10 ** (rng.uniform(-spread, spread) / 20)
        if not segments and rng.random() < 0.5 and len(rows) > 8:  # start in the middle of an utterance
            cut = rows[rng.integers(len(rows) // 2), 1]
            sound, rows = sound[int(cut * RATE) :], rows[rows[:, 1] >= cut] - [0, cut, cut]
        first = int(at * RATE)
        room_left = len(pcm) - first
        pcm[first : first + len(sound)] += sound[:room_left]
        segments.append((SIL, segments[-1][2] if segments else 0.0, at))
        segments += [(int(c), a + at, b + at) for c, a, b in rows]
        at += len(sound) / RATE
        gap = rng.uniform(0.0, 0.3) if rng.random() < 0.5 else rng.uniform(0.3, 1.5)
        if gap > 0.35 and rng.random() < 0.5:
            (_late_breath if style.late_breath else _breath)(rng, pcm, at, gap)
        at += gap
    segments.append((SIL, segments[-1][2], max(SECONDS + 1.0, segments[-1][2])))
    return pcm, _joined(segments)


def _breath(rng, pcm, at, gap):
    """A shaped noise burst inside the pause; the target there stays silence."""
    count = int(rng.uniform(0.5, 0.9) * gap * RATE)
    first = int((at + 0.05 * gap) * RATE)
    burst = colored(rng, count, rng.uniform(0, 1.2)) * np.sin(np.linspace(0, np.pi, count)) ** 1.5
    room_left = max(0, len(pcm) - first)
    pcm[first : first + count] += burst[:room_left] * 10 ** (rng.uniform(-50, -32) / 20)


def _late_breath(rng, pcm, at, gap):
    """The same, darker and just before the next words: right after speech it passes for a last s or t."""
    length = rng.uniform(0.2, min(0.7, gap - 0.14))
    count = int(length * RATE)
    first = int((at + gap - rng.uniform(0.01, 0.04) - length) * RATE)
    burst = colored(rng, count, rng.uniform(0.4, 2)) * np.sin(np.linspace(0, np.pi, count)) ** 1.5
    room_left = max(0, len(pcm) - first)
    pcm[first : first + count] += burst[:room_left] * 10 ** (rng.uniform(-55, -34) / 20)


def _joined(segments):
    """Neighboring silences are one: its length decides how far the mouth closes."""
    out = []
    for cls, a, b in segments:
        if b <= a:
            continue
        if out and cls == SIL and out[-1][0] == SIL:
            out[-1] = (SIL, out[-1][1], b)
        else:
            out.append((cls, a, b))
    return out


def _noise_only(rng, noises):
    noise = noises[rng.integers(len(noises))]
    start = rng.integers(0, len(noise) - SECONDS * RATE)
    level = 10 ** (rng.uniform(-75, -30) / 20)
    pcm = noise[start : start + SECONDS * RATE] * level
    if rng.random() < 0.5:  # a level that drifts
        pcm = pcm * 10 ** (np.interp(np.arange(len(pcm)), np.linspace(0, len(pcm), 6), rng.uniform(-6, 6, 6)) / 20)
    return pcm.astype(np.float32), [(SIL, 0.0, SECONDS + 1.0)]


def _digital(rng, pcm, segments):
    """Cut to digital zero: long pauses (editors gate them), or the end (the last window is padded)."""
    if rng.random() < 0.12:
        for cls, a, b in segments:
            if cls == SIL and b - a > 0.25:
                pcm[int((a + 0.08) * RATE) : int((b - 0.05) * RATE)] = 0
    if rng.random() < 0.12:
        end = rng.uniform(2, SECONDS)
        pcm[int(end * RATE) :] = 0
        segments = [(c, a, min(b, end)) for c, a, b in segments if a < end] + [(SIL, end, SECONDS + 1.0)]
    return pcm, segments


def render(count, seed, voices, style, noisy=0.06):
    """-> mel f16 [count, 800, 64], targets f16 [count, 400, 8], classes i8 [count, 400]."""
    rng = np.random.default_rng(seed)
    noises = [colored(rng, 30 * RATE, rng.uniform(0, 1.8)) for _ in range(24)]
    for k in (50, 60):  # mains hum with overtones under hiss
        t = np.arange(30 * RATE) / RATE
        hum = sum(np.sin(2 * np.pi * k * h * t + h) / h for h in range(1, 12))
        noises.append((0.9 * hum / hum.std() + 0.3 * noises[0]).astype(np.float32))
    mel = np.empty((count, SECONDS * RATE // HOP, 64), np.float16)
    target = np.empty((count, STEPS, 8), np.float16)
    label = np.empty((count, STEPS), np.int8)
    for first in range(0, count, _GROUP):
        group = range(first, min(count, first + _GROUP))
        made, babble = [], clip(rng, voices, style)[0]
        for _ in group:
            if rng.random() < noisy:
                made.append(_noise_only(rng, noises))
                continue
            pcm, segments = clip(rng, voices, style)
            pcm, segments = _digital(rng, spoil(rng, pcm, noises, babble, style), segments)
            made.append((pcm, segments))
            if rng.random() < 0.3:
                babble = pcm
        sound = np.stack([pcm for pcm, _ in made])
        if rng.random() < 0.45:
            sound = any_codec(rng, sound.reshape(-1), style).reshape(sound.shape)
        for i, (pcm, (_, segments)) in zip(group, zip(sound, made)):
            mel[i], target[i], label[i] = log_mel(pcm), curves(segments, STEPS), classes(segments, STEPS)
    return mel, target, label


def clips(kind, count, seed, cache):
    """Clips of one of the STYLES, or 'held_out' voices in the first style; the arrays of `render`, cached."""
    path = cache / f"clips-{kind}-{count}-{seed}.npz"
    if not path.exists():
        sources = ["held_out"] if kind == "held_out" else ["espeak", "flite", "festival"]
        style = STYLES["first" if kind == "held_out" else kind]
        mel, target, label = render(count, seed, [corpus(s, cache) for s in sources], style)
        np.savez(path, mel=mel, target=target, label=label)
    with np.load(path) as data:
        return data["mel"], data["target"], data["label"]
