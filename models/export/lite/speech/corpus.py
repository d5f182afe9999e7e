"""The training speech: labelled utterances of all synthesizers, cached as one .npz per source."""

import numpy as np
from scipy.signal import resample_poly
from speech import espeak, festival, flite
from speech.text import Sentences

RATE = 16000
HOURS = {"espeak": 6.0, "flite": 3.5, "festival": 1.2, "held_out": 0.15}


def corpus(name, cache):
    """'espeak', 'flite', 'festival' or 'held_out' (unseen espeak variants) -> [(i16 [n], f32 [k, 3])].

    16 kHz; rows of segments are class, t0, t1 in seconds.
    """
    path = cache / f"speech-{name}.npz"
    if not path.exists():
        made = _collect(_SOURCES[name](np.random.default_rng(sum(name.encode()))), HOURS[name])
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            pcm=np.concatenate([p for p, _ in made]), pcm_length=[len(p) for p, _ in made],
            rows=np.concatenate([s for _, s in made]), rows_length=[len(s) for _, s in made],
        )  # fmt: skip
    with np.load(path) as data:
        a, b = np.cumsum(data["pcm_length"])[:-1], np.cumsum(data["rows_length"])[:-1]
        return list(zip(np.split(data["pcm"], a), np.split(data["rows"], b)))


def _collect(utterances, hours):
    made, samples = [], 0
    for item in utterances:
        if item is None or not 0.4 < len(item[0]) / RATE < 16:
            continue
        pcm, segments = item
        peak = np.abs(pcm).max() + 1e-9
        made.append(((pcm * (0.7 / peak) * 32767).astype(np.int16), np.array(segments, np.float32)))
        samples += len(pcm)
        if samples > hours * 3600 * RATE:
            return made
    raise RuntimeError("a synthesizer stopped early")


def _espeak(rng, variants=espeak.TRAINED):
    voice, text = espeak.Espeak(), Sentences(rng)
    while True:
        english = rng.random() < 0.6
        language = rng.choice(espeak.DIALECTS if english else espeak.LANGUAGES)
        sentence = str(text.english() if english else text.of(language))
        name = f"{language}+{rng.choice(variants)}" if rng.random() < 0.93 or variants is not espeak.TRAINED else language
        yield voice.say(sentence, name, rng.uniform(115, 220), rng.uniform(15, 85), rng.uniform(20, 90))


def _faster(item, sixteenths):
    """Play at sixteenths/16 of the speed: pitch and formants move together, times shrink."""
    if item is None or sixteenths == 16:
        return item
    pcm, segments = item
    scale = 16 / sixteenths
    return resample_poly(pcm, 16, sixteenths).astype(np.float32), [(c, a * scale, b * scale) for c, a, b in segments]


def _flite(rng):
    text = Sentences(rng)
    while True:
        speed = int(rng.integers(14, 19))  # a longer or shorter vocal tract; pitch and duration are compensated
        voice = rng.choice(flite.VOICES)
        stretch = rng.uniform(0.8, 1.3) * speed / 16
        yield _faster(flite.say(str(text.english()), voice, stretch, rng.uniform(85, 240) * 16 / speed), speed)


def _festival(rng):
    text = Sentences(rng)
    while True:
        voice = rng.choice(festival.VOICES)
        for item in festival.say_all([str(text.english()) for _ in range(40)], voice, rng):
            yield _faster(item, int(rng.integers(14, 19)))


_SOURCES = {
    "espeak": _espeak,
    "flite": _flite,
    "festival": _festival,
    "held_out": lambda rng: _espeak(rng, espeak.HELD_OUT),
}
