"""Phone symbols (IPA, ARPAbet) -> mouth classes, and their tables. Source: phones.json."""

import json
from pathlib import Path

import numpy as np

_TABLES = json.loads((Path(__file__).parent / "phones.json").read_text(encoding="utf-8"))

PARAMETERS = _TABLES["parameters"]
CLASSES = list(_TABLES["targets"])
INDEX = {name: i for i, name in enumerate(CLASSES)}
SIL = INDEX["sil"]
# [28, 8] parameter targets, [28, 3] dominance of (open, jaw), (wide, round), (rest), [28] seconds.
TARGETS = np.array([_TABLES["targets"][c] for c in CLASSES])
DOMINANCE = np.array([_TABLES["dominance"][c] for c in CLASSES])
TAU_S = np.array([_TABLES["tau_s"][c] for c in CLASSES])

_IPA = _TABLES["ipa"]
_ARPABET = _TABLES["arpabet"]
_STOPS = {"T"}  # an affricate is a short stop and a longer fricative: 35/65; a diphthong is 60/40


def ipa_classes(symbol):
    """IPA string of one phoneme, e.g. 'aɪ' or 'tʃ' -> class names in order; [] if nothing is known."""
    names = [_IPA[c] for c in symbol if c in _IPA]
    return [n for i, n in enumerate(names) if i == 0 or names[i - 1] != n]


def arpabet_classes(symbol):
    """ARPAbet symbol with or without stress -> class names in order; noise and unknown -> sil."""
    names = _ARPABET.get(symbol.lower().rstrip("012"), "sil")
    return names if isinstance(names, list) else [names]


def split(names, t0, t1):
    """Share [t0, t1) s among the classes of one phoneme -> [(class index, t0, t1)]."""
    if not names:
        return [(SIL, t0, t1)]
    if len(names) == 1:
        return [(INDEX[names[0]], t0, t1)]
    first = 0.35 if names[0] in _STOPS else 0.6
    cuts = [0.0, first] + [first + (1 - first) * (i + 1) / (len(names) - 1) for i in range(len(names) - 1)]
    length = t1 - t0
    return [(INDEX[n], t0 + a * length, t0 + b * length) for n, a, b in zip(names, cuts, cuts[1:])]
