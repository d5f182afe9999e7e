"""Label real speech with pocketsphinx: recognize or take the text, force-align it, map to classes.

    python -m speech.align recording.wav out.json      phones of an English recording
"""

import argparse
import itertools
import json
import re
import subprocess
from pathlib import Path

import numpy as np
from pocketsphinx import Decoder
from speech.phones import CLASSES, arpabet_classes, split

RATE = 16000
_PAD = 4000  # samples of faint noise before and after: the aligner wants a silence at both ends
_NUMBERS = "zero one two three four five six seven eight nine".split()


def load(path):
    """Any recording -> f32 [n] mono 16 kHz, full scale 1."""
    kind = ["-f", "g722"] if str(path).endswith(".g722") else []
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", *kind, "-i", str(path), "-ac", "1", "-ar", str(RATE), "-f", "s16le", "-"],
        check=True, capture_output=True,
    ).stdout
    return np.frombuffer(raw, "<i2").astype(np.float32) / 32768


class Aligner:
    def __init__(self):
        self.decoder = Decoder(samprate=RATE, loglevel="FATAL")

    def _decode(self, raw):
        self.decoder.start_utt()
        self.decoder.process_raw(raw, full_utt=True)
        self.decoder.end_utt()

    def words(self, text):
        """Written text -> words of the dictionary, or None if one is unknown."""
        text = re.sub(r"\d", lambda m: f" {_NUMBERS[int(m[0])]} ", text.lower())
        found = re.findall(r"[a-z']+", text.replace("-", " "))
        known = [w if self.decoder.lookup_word(w) else w.strip("'") for w in found]
        return known if known and all(self.decoder.lookup_word(w) for w in known) else None

    def phones(self, pcm, text=None):
        """f32 [n] 16 kHz (a sentence or a few) -> [(ARPAbet, t0, t1)] s, or None if it does not align.

        Without a text the recognizer's own hypothesis is aligned: many of its words are wrong.
        """
        level = np.abs(pcm).max() + 1e-9
        noise = np.random.default_rng(0).normal(0, 2e-4, (2, _PAD))
        pcm = np.concatenate([noise[0], pcm * (0.5 / level), noise[1]])
        raw = (np.clip(pcm, -1, 1) * 32767).astype("<i2").tobytes()
        try:
            self.decoder.activate_search("_default")
            if text is None:
                self._decode(raw)
                hypothesis = self.decoder.hyp()
                words = hypothesis and hypothesis.hypstr.split()
            else:
                words = self.words(text)
            if not words:
                return None
            self.decoder.set_align_text(" ".join(words))
            self._decode(raw)
            self.decoder.set_alignment()
            self._decode(raw)
            out = [
                (phone.name, phone.start / 100 - _PAD / RATE, (phone.start + phone.duration) / 100 - _PAD / RATE)
                for word in self.decoder.get_alignment()
                for phone in word
            ]
            return [(n, max(0.0, a), b) for n, a, b in out if b > 0]
        except RuntimeError:
            return None
        finally:
            self.decoder.activate_search("_default")


def segments(phones):
    """[(ARPAbet, t0, t1)] -> [(class index, t0, t1)]; affricates and diphthongs split."""
    return [s for name, t0, t1 in phones for s in split(arpabet_classes(name), t0, t1)]


def pieces(pcm, longest=12.0):
    """Cut a long recording at its quietest moments -> [(first sample, last sample)]."""
    hop = 160
    power = np.square(pcm[: len(pcm) // hop * hop]).reshape(-1, hop).mean(1)
    power = np.convolve(power, np.ones(15) / 15, "same")
    cuts, end = [0], len(power)
    while end - cuts[-1] > longest * 100:
        a, b = cuts[-1] + int(longest * 40), cuts[-1] + int(longest * 100)
        cuts.append(a + int(np.argmin(power[a:b])))
    cuts.append(end)
    return [(a * hop, b * hop) for a, b in itertools.pairwise(cuts)]


def recording(aligner, pcm, longest=12.0):
    """Long English recording -> [(ARPAbet, t0, t1)]; a piece that does not align is cut again."""
    out = []
    for a, b in pieces(pcm, longest):
        if np.abs(pcm[a:b]).max() < 0.01:
            continue
        found = aligner.phones(pcm[a:b])
        if found is None and longest > 3:
            found = recording(aligner, pcm[a:b], longest / 2)
        out += [(n, t0 + a / RATE, t1 + a / RATE) for n, t0, t1 in found or []]
    return out


if __name__ == "__main__":
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("recording", type=Path)
    args.add_argument("out", type=Path)
    args = args.parse_args()
    rows = [
        {"phone": name, "class": CLASSES[cls], "t0": round(t0, 4), "t1": round(t1, 4)}
        for name, a, b in recording(Aligner(), load(args.recording))
        for cls, t0, t1 in split(arpabet_classes(name), a, b)
    ]
    args.out.write_text(json.dumps(rows, indent=1), encoding="utf-8")
