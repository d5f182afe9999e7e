"""Labelled speech from libespeak-ng 1.51 (GPL-3 tool; its audio is only trained on, never shipped)."""

import ctypes
from math import gcd

import numpy as np
from scipy.signal import resample_poly
from speech.phones import SIL, ipa_classes, split

_OUT_RATE, _RATE = 22050, 16000
DIALECTS = "en-us en-us en-us en en-gb-x-rp en-gb-scotland en-us-nyc".split()
LANGUAGES = (
    "de de fr fr es es it pt pt-br nl pl sv tr cmn-latn-pinyin cmn-latn-pinyin af az bs ca cs cy da eo et eu fi "
    "fr-ch ga hr hu id is la lb lfn lt lv ms mt nb ro sk sl sq sw vi es-419 uz tk nci gn ku ia io jbo haw mi qu"
).split()
VARIANTS = (
    "Alex Alicia Andrea Andy Annie Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Mario Michael Mike Nguyen "
    "RicishayMax RicishayMax2 RicishayMax3 Storm Tweaky adam anika announcer antonio aunty belinda benjamin boris caleb "
    "david ed edward edward2 f1 f2 f3 f4 f5 grandma grandpa gustave iven iven2 iven3 iven4 john kaukovalta klatt klatt2 "
    "klatt3 klatt4 klatt5 klatt6 linda m1 m2 m3 m4 m5 m6 m7 m8 marcelo max michel miguel norbert pablo paul pedro quincy "
    "rob robert sandro shelby steph steph2 steph3 travis victor zac"
).split()
HELD_OUT = VARIANTS[5::6]  # never trained on
TRAINED = [v for v in VARIANTS if v not in HELD_OUT]
_RATE_WPM, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("uid", ctypes.c_uint), ("text", ctypes.c_int), ("length", ctypes.c_int),
        ("ms", ctypes.c_int), ("sample", ctypes.c_int), ("user", ctypes.c_void_p), ("id", _Id),
    ]  # fmt: skip


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    def __init__(self):
        self.lib = ctypes.CDLL("libespeak-ng.so.1")
        # 2 = synchronous; 1|2 = phoneme events, in IPA
        if self.lib.espeak_Initialize(2, 0, None, 3) != _OUT_RATE:
            raise RuntimeError("libespeak-ng did not start at 22050 Hz")
        self._audio, self._events = [], []
        self._callback = _Callback(self._receive)
        self.lib.espeak_SetSynthCallback(self._callback)

    def _receive(self, wave, count, events):
        if count > 0:
            self._audio.append(np.ctypeslib.as_array(wave, (count,)).copy())
        i = 0
        while events[i].type != 0:
            if events[i].type == 7:  # espeakEVENT_PHONEME
                name = ctypes.string_at(ctypes.addressof(events[i].id), 8).split(b"\0")[0]
                self._events.append((events[i].sample, name.decode("utf-8", "ignore")))
            i += 1
        return 0

    def say(self, text, voice, rate=170, pitch=50, spread=50):
        """-> (f32 [n] 16 kHz, [(class, t0, t1)]) or None. rate in words/min, pitch and spread 0..100."""
        if self.lib.espeak_SetVoiceByName(voice.encode()) != 0:
            return None
        for key, value in ((_RATE_WPM, rate), (_PITCH, pitch), (_RANGE, spread)):
            self.lib.espeak_SetParameter(key, int(value), 0)
        self._audio.clear()
        self._events.clear()
        raw = text.encode()
        self.lib.espeak_Synth(raw, len(raw) + 1, 0, 0, 0, 1, None, None)  # 1 = UTF-8
        if not self._audio or len(self._events) < 4:
            return None
        pcm = np.concatenate(self._audio).astype(np.float32) / 32768
        segments = _segments(pcm, [e for e in self._events if not e[1].startswith("(")])
        step = gcd(_RATE, _OUT_RATE)
        return resample_poly(pcm, _RATE // step, _OUT_RATE // step).astype(np.float32), segments


def _segments(pcm, events):
    """Phoneme starts -> segments.

    espeak puts the start of a voiceless stop at its BURST and leaves the closure before it to the
    previous phoneme (about 45 ms, measured), whereas recorded speech is labelled from the closure:
    move the start back over the silence in front of it.
    """
    hop = 110  # 5 ms
    power = np.square(pcm[: len(pcm) // hop * hop]).reshape(-1, hop).mean(1)
    quiet = power < power.max() * 10**-4.2
    starts = [s for s, _ in events] + [len(pcm)]
    for i, (sample, name) in enumerate(events):
        if i and not events[i - 1][1]:  # after a pause the mouth takes its pose before the sound starts
            early = 0.05 if name[:1] in ("p", "b", "t", "d", "k", "g", "c") else 0.02
            starts[i] = int(max(sample - early * _OUT_RATE, starts[i - 1] + 0.4 * (sample - starts[i - 1])))
        elif i and name[:1] in ("p", "t", "k", "c", "q"):
            k = first = sample // hop - 1
            while k >= 0 and first - k < 20 and k < len(quiet) and quiet[k]:
                k -= 1
            if k < first:
                floor = starts[i - 1] + 0.25 * (sample - starts[i - 1])
                starts[i] = int(max((k + 1) * hop, floor))
    out = []
    for (_, name), a, b in zip(events, starts, starts[1:]):
        names = ipa_classes(name)
        if not names and name and out:  # a modifier alone: lengthens what stands before it
            out[-1] = (out[-1][0], out[-1][1], b / _OUT_RATE)
        elif b > a:
            out += split(names, a / _OUT_RATE, b / _OUT_RATE)
    if starts[0] > 0:
        out.insert(0, (SIL, 0.0, starts[0] / _OUT_RATE))
    return out
