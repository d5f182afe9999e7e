"""Labelled speech from flite 2.2 (BSD-like license; slt, rms and awb are models of real speakers)."""

import re
import subprocess
import tempfile
from pathlib import Path

from speech.align import load
from speech.phones import arpabet_classes, split

VOICES = "slt rms awb slt rms awb kal16".split()


def say(text, voice, stretch=1.0, f0=None):
    """-> (f32 [n] 16 kHz, [(class, t0, t1)]) or None. stretch > 1 is slower; f0 = mean pitch in Hz."""
    with tempfile.TemporaryDirectory() as folder:
        wave = Path(folder) / "a.wav"
        command = ["flite", "-voice", voice, "-psdur", "--setf", f"duration_stretch={stretch:.3f}"]
        if f0:
            command += ["--setf", f"int_f0_target_mean={f0:.1f}"]
        printed = subprocess.run([*command, "-t", text, str(wave)], capture_output=True, text=True, check=True).stdout
        pcm = load(wave)
    segments, start = [], 0.0
    for name, end in re.findall(r"(\S+):([\d.]+)", printed):
        segments += split(arpabet_classes(name), start, float(end))
        start = float(end)
    # several utterances in one text restart the clock: keep single ones only
    if not segments or abs(start - len(pcm) / 16000) > 0.1:
        return None
    return pcm, segments
