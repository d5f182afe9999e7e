"""Real prompts for measuring: Debian's asterisk-core-sounds-en-g722 with alignments, cached as JSON.

One professional female US speaker, CC-BY-SA 3.0: used to measure and to choose, never to train on.

    python -m speech.prompts --labels FOLDER      align everything (about 10 minutes)
"""

import argparse
import gzip
import hashlib
import json
from pathlib import Path

from speech.align import RATE, Aligner, load

SOUNDS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
TEXTS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
SHORTEST_S = 1.2  # single words say little about running speech


def part(name):
    """File name -> 'dev' (a third: calibration may be chosen on it) or 'test' (only measured)."""
    return "dev" if hashlib.sha256(name.encode()).digest()[0] % 3 == 0 else "test"


def texts():
    """name -> spoken text, without those that are sounds only."""
    lines = gzip.decompress(TEXTS.read_bytes()).decode("utf-8", "replace").splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line and not line.startswith(";"))
    return {name.strip(): text.strip() for name, text in pairs if "[" not in text and "(" not in text}


def prompts(labels):
    """Folder of alignments -> [(name, part, pcm, {'text': phones, 'recognized': phones})] in order."""
    known = texts()
    for path in sorted(SOUNDS.rglob("*.g722")):
        name = str(path.relative_to(SOUNDS).with_suffix(""))
        if name not in known:
            continue
        pcm = load(path)
        if len(pcm) < SHORTEST_S * RATE:
            continue
        cached = labels / (name.replace("/", "_") + ".json")
        if not cached.exists():
            aligner = Aligner()
            rows = {"text": aligner.phones(pcm, known[name]), "recognized": aligner.phones(pcm)}
            cached.parent.mkdir(parents=True, exist_ok=True)
            cached.write_text(json.dumps(rows), encoding="utf-8")
        yield name, part(name), pcm, json.loads(cached.read_text(encoding="utf-8"))


if __name__ == "__main__":
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--labels", type=Path, required=True)
    rows = list(prompts(args.parse_args().labels))
    for kind in ("text", "recognized"):
        for name in ("dev", "test"):
            chosen = [len(pcm) / RATE for _, p, pcm, l in rows if p == name and l[kind]]
            print(f"{name} {kind}: {len(chosen)} prompts, {sum(chosen) / 60:.1f} min")
