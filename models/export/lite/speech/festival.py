"""Labelled speech from festival 2.5 with its BSD-like voices kal, ked (diphones) and us-slt-hts."""

import subprocess
import tempfile
from pathlib import Path

from speech.align import load
from speech.phones import arpabet_classes, split

VOICES = ["voice_kal_diphone", "voice_ked_diphone", "voice_cmu_us_slt_arctic_hts"]


def say_all(texts, voice, rng):
    """Sentences -> [(f32 [n] 16 kHz, [(class, t0, t1)])], durations stretched by .85 to 1.25."""
    with tempfile.TemporaryDirectory() as folder:
        script = [f"({voice})"]
        for i, text in enumerate(texts):
            script += [
                f"(Parameter.set 'Duration_Stretch {rng.uniform(0.85, 1.25):.2f})",
                f'(set! u (utt.synth (Utterance Text "{text.replace(chr(34), "")}")))',
                f'(utt.save.wave u "{folder}/{i}.wav" \'riff)',
                f'(utt.save.segs u "{folder}/{i}.seg")',
            ]
        path = Path(folder) / "all.scm"
        path.write_text("\n".join(script), encoding="utf-8")
        subprocess.run(["festival", "--batch", str(path)], check=False, capture_output=True)
        return [_read(Path(folder) / str(i)) for i in range(len(texts)) if (Path(folder) / f"{i}.seg").exists()]


def _read(stem):
    segments, start = [], 0.0
    for line in stem.with_suffix(".seg").read_text().split("#\n")[-1].splitlines():
        end, _, name = line.split()[:3]
        if float(end) > start:
            segments += split(arpabet_classes(name), start, float(end))
            start = float(end)
    return load(stem.with_suffix(".wav")), segments
