"""What recordings go through before they reach us: rooms, noise, levels, telephones, codecs."""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import butter, fftconvolve, resample_poly, sosfilt

RATE = 16000


@dataclass(frozen=True)
class Style:
    """How a set of clips is made: share of espeak, flite, festival; shares of rooms, narrow band, telephones; breaths."""

    voices: tuple
    room: float
    narrow: float
    telephone: float | None
    late_breath: bool = False


# The second set has fewer narrow recordings: their missing top hides what tells f from s and th.
# The third has breaths only before words: in the others they follow the last consonant, which then is taken for one.
STYLES = {
    "first": Style((0.4, 0.38, 0.22), room=0.4, narrow=0.12, telephone=None),
    "second": Style((0.36, 0.4, 0.24), room=0.35, narrow=0.05, telephone=0.2),
    "third": Style((0.34, 0.42, 0.24), room=0.35, narrow=0.05, telephone=0.2, late_breath=True),
}


def colored(rng, count, slope):
    """Noise f32 [count] with power 1/f^slope, rms 1."""
    spectrum = np.fft.rfft(rng.standard_normal(count).astype(np.float32))
    spectrum *= np.maximum(np.arange(len(spectrum)) / count * RATE, 40.0) ** (-slope / 2)
    noise = np.fft.irfft(spectrum, count)
    return (noise / (noise.std() + 1e-9)).astype(np.float32)


def room(rng, pcm):
    """A synthetic room: a direct path and an exponential tail of .08 to .5 s."""
    length = rng.uniform(0.08, 0.5)
    t = np.arange(int(length * RATE)) / RATE
    tail = rng.standard_normal(len(t)) * np.exp(-6.9 * t / length)
    tail[: int(0.003 * RATE)] = 0
    tail *= rng.uniform(0.1, 0.9) / (np.sqrt(np.square(tail).sum()) + 1e-9)
    tail[0] = 1
    return fftconvolve(pcm, tail)[: len(pcm)].astype(np.float32)


def compress(rng, pcm):
    """Broadcast compression: quiet moments up, by the power .3 to .6 of a 20 ms envelope."""
    smooth = np.ones(320, np.float32) / 320
    level = np.sqrt(np.maximum(fftconvolve(pcm * pcm, smooth, "same"), 0)) + 2e-3
    return pcm * level ** -rng.uniform(0.3, 0.6)


def _rms(pcm):
    return np.sqrt(np.square(pcm).mean()) + 1e-9


def spoil(rng, pcm, noises, babble, style):
    """One clean clip f32 [n] -> the clip as some microphone, room and level would give it.

    `noises`: list of f32 [>= n] of rms 1. `babble`: another clip, mixed in faintly.
    """
    loud = np.abs(pcm) > 0.02
    speech = _rms(pcm[loud]) if loud.any() else 0.05
    if rng.random() < style.room:
        pcm = room(rng, pcm)
    if rng.random() < 0.2:
        pcm = compress(rng, pcm)
        speech = _rms(pcm)
    if rng.random() < 0.15:  # a microphone without bass, or a small speaker
        pcm = sosfilt(butter(2, rng.uniform(100, 350), "high", fs=RATE, output="sos"), pcm).astype(np.float32)
    if rng.random() < 0.12:  # soft or hard clipping
        top = speech * rng.uniform(1.5, 4)
        pcm = np.tanh(pcm / top) * top if rng.random() < 0.5 else np.clip(pcm, -top, top)
    if rng.random() < 0.75:
        noise = noises[rng.integers(len(noises))]
        start = rng.integers(0, len(noise) - len(pcm) + 1)
        pcm = pcm + noise[start : start + len(pcm)] * speech * 10 ** (-rng.uniform(8, 50) / 20)
    if rng.random() < 0.12:
        pcm = pcm + babble * (speech / _rms(babble)) * 10 ** (-rng.uniform(12, 25) / 20)
    if rng.random() < style.narrow:  # narrow band: telephone, old recordings
        pcm = resample_poly(resample_poly(pcm, 1, 2), 2, 1)[: len(pcm)]
    pcm = pcm / _rms(pcm) * 10 ** (rng.uniform(-38, -14) / 20)
    return np.clip(pcm, -1, 1).astype(np.float32)


# name -> (container, encoder options)
_CODECS = {
    "mp3 32k": ("mp3", ["-c:a", "libmp3lame", "-b:a", "32k"]),
    "mp3 64k": ("mp3", ["-c:a", "libmp3lame", "-b:a", "64k"]),
    "opus 16k": ("ogg", ["-c:a", "libopus", "-b:a", "16k", "-application", "voip"]),
    "opus 32k": ("ogg", ["-c:a", "libopus", "-b:a", "32k"]),
    "aac 48k": ("mp4", ["-c:a", "aac", "-b:a", "48k"]),
    "g722": ("wav", ["-c:a", "g722"]),
    "g726": ("wav", ["-ar", "8000", "-c:a", "g726", "-b:a", "32k"]),
    "mu-law": ("wav", ["-ar", "8000", "-c:a", "pcm_mulaw"]),
    "gsm": ("wav", ["-ar", "8000", "-c:a", "libgsm_ms"]),
}
_WIDE = [name for name in _CODECS if "8000" not in _CODECS[name][1] and name != "gsm"]
_NARROW = [name for name in _CODECS if name not in _WIDE]


def any_codec(rng, pcm, style):
    """A random codec; style.telephone is the share of the telephone ones, None takes all alike."""
    names = list(_CODECS)
    if style.telephone is not None:
        names = _NARROW if rng.random() < style.telephone else _WIDE
    return codec(names[rng.integers(len(names))], pcm)


def codec(name, pcm):
    """f32 [n] through an encoder and back, f32 [n], with the codec's delay taken out."""
    kind, options = _CODECS[name]
    pipe = ["-f", "f32le", "-ar", str(RATE), "-ac", "1"]
    with tempfile.TemporaryDirectory() as folder:
        coded = str(Path(folder) / f"a.{kind}")
        run = lambda *a, **k: subprocess.run(["ffmpeg", "-v", "error", "-y", *a], check=True, **k)
        run(*pipe, "-i", "-", *options, coded, input=pcm.astype("<f4").tobytes())
        raw = run("-i", coded, *pipe, "-", capture_output=True).stdout
    out = np.zeros(len(pcm) + 4000, np.float32)
    back = np.frombuffer(raw, "<f4")[: len(out)]
    out[: len(back)] = back
    return out[_delay(pcm, out) :][: len(pcm)]


def _delay(before, after, most=3000):
    """Samples by which `after` lags, 0 <= lag <= most, from the first 20 s."""
    n = min(len(before), 20 * RATE)
    spectrum = np.fft.rfft(after[:n], 2 * n) * np.conj(np.fft.rfft(before[:n], 2 * n))
    return int(np.argmax(np.fft.irfft(spectrum)[:most]))
