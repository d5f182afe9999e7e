"""Does the mouth of a rendered video follow the words? Landmarks of the result against the speech's phones.

    python -m measure.spoken --video result.mp4 --audio speech.wav [--bundle DIR]

The ruler is the bundle's own `face` graph on every frame of the result: gap between the inner lips (mean of points
61-67, 62-66, 63-65) and mouth width (48-54), over the distance of the outer eye corners (36-45). The phones are
pocketsphinx's (recognized, then force-aligned: many words are wrong, so the labels are noisy). Prints one JSON object.
"""

import argparse
import json
import subprocess
from pathlib import Path

import numpy as np
from listening.targets import curves
from measure.pipeline import Bundle
from speech.align import RATE, Aligner, load, recording, segments
from speech.phones import CLASSES

MOUTHS = {"silence": ["sil"], "m b p": ["M"], "f v": ["F"], "s": ["S"], "w u o": ["W", "UW", "OW"],
          "i e": ["IY", "IH", "EY"], "a ae ao": ["AA", "AE", "AO"]}


def frames(path, size, fps):
    """Frames of a video one by one, u8 [H, W, 3]; a whole video would not fit in memory."""
    width, height = size
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-r", str(fps), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        while len(raw := process.stdout.read(width * height * 3)) == width * height * 3:
            yield np.frombuffer(raw, np.uint8).reshape(height, width, 3)


def mouth(points):
    eyes = np.linalg.norm(points[45] - points[36])
    gap = np.mean([np.linalg.norm(points[a] - points[b]) for a, b in ((61, 67), (62, 66), (63, 65))])
    return gap / eyes, np.linalg.norm(points[54] - points[48]) / eyes


def watched(path, bundle):
    """Gap and width per frame [T, 2], and the frame rate; frames without a face repeat the one before."""
    probe = json.loads(subprocess.check_output(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height,r_frame_rate",
         "-of", "json", str(path)]))["streams"][0]
    up, down = map(int, probe["r_frame_rate"].split("/"))
    rows = []
    for frame in frames(path, (probe["width"], probe["height"]), up / down):
        found = bundle.faces(frame)
        rows.append(mouth(found[0]) if found else rows[-1])
    return np.array(rows), up / down


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--video", required=True)
    parse.add_argument("--audio", required=True)
    parse.add_argument("--bundle", default=Path(__file__).parents[3] / "lite")
    chosen = parse.parse_args()
    seen, fps = watched(chosen.video, Bundle(chosen.bundle))
    pcm = load(chosen.audio)
    spoken = segments(recording(Aligner(), pcm))
    steps = int(len(seen) / fps * 50) + 2
    target = curves(spoken, steps)
    at = np.minimum((np.arange(len(seen)) / fps * 50).astype(int), steps - 2)
    wanted = (target[at] + target[at + 1]) / 2  # a frame hears two steps
    gap, width = seen.T
    level = np.array([
        10 * np.log10(np.mean(pcm[int(i / fps * RATE): int((i + 1) / fps * RATE)] ** 2) + 1e-9) for i in range(len(seen))
    ])
    speaking = np.zeros(len(seen), bool)
    rows = {name: [] for name in MOUTHS}
    for cls, t0, t1 in spoken:
        speaking[int(t0 * fps): int(t1 * fps) + 1] = True
        for name, members in MOUTHS.items():
            i = int((t0 + t1) / 2 * fps)
            # a pause counts once it is long enough to close the mouth
            if CLASSES[cls] in members and i < len(seen) and (CLASSES[cls] != "sil" or t1 - t0 > 0.3):
                rows[name].append(i)
    lags = {lag: float(np.corrcoef(np.roll(gap, -lag)[5:-5], wanted[5:-5, 0])[0, 1]) for lag in range(-3, 4)}
    report = {
        "frames": len(seen), "phones": sum(CLASSES[cls] != "sil" for cls, _, _ in spoken),
        "gap ~ target opening": round(lags[0], 3), "best lag, frames": max(lags, key=lags.get),
        "gap ~ target opening, while speaking": round(float(np.corrcoef(gap[speaking], wanted[speaking, 0])[0, 1]), 3),
        "gap ~ loudness (dB), while speaking": round(float(np.corrcoef(gap[speaking], level[speaking])[0, 1]), 3),
        "at the center of": {
            name: {"n": len(i), "gap": round(float(gap[i].mean()), 4), "closed (gap < .02)": round(float((gap[i] < 0.02).mean()), 2),
                   "width": round(float(width[i].mean()), 3)}
            for name, i in rows.items() if i
        },
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
