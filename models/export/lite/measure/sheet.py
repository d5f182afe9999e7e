"""Contact sheets and rendered videos of the mouth, from any bundle directory, for looking at.

    python -m measure.sheet poses  --bundle models/lite --out sheets/poses.png  face1.png clip.mp4 ...
    python -m measure.sheet frames --bundle models/lite --out sheets/frames.png --audio a.wav --start 300 clip.mp4
    python -m measure.sheet video  --bundle models/lite --out sheets/out.mp4    --audio a.wav clip.mp4
    python -m measure.sheet talk   --bundle models/lite --out sheets/talk.png   talking.mp4   (source, pressed, a)

`--other DIR` puts a second bundle's pictures under the first's; `--face DIR` lends its face and listen
graph. `name.png#2` takes the third best face of a picture.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from measure.pipeline import Bundle, Source, paste, prompts_of, read_image, read_video, states_of, write_video

# Targets per phone class: open, jaw, wide, round, press, tuck, teeth, tongue.
POSES = {
    "sil": (0, 0, 0, 0, 0.25, 0, 0, 0), "M": (0, 0.04, 0, 0, 1, 0, 0, 0), "AA": (0.85, 0.85, 0, 0, 0, 0, 0.1, 0.1),
    "AE": (0.75, 0.7, 0.35, 0, 0, 0, 0.2, 0.1), "EH": (0.5, 0.45, 0.4, 0, 0, 0, 0.25, 0.1),
    "IY": (0.22, 0.18, 0.7, 0, 0, 0, 0.5, 0.1), "UW": (0.18, 0.22, -0.7, 1, 0, 0, 0, 0),
    "OW": (0.4, 0.45, -0.55, 0.8, 0, 0, 0, 0), "AO": (0.6, 0.65, -0.4, 0.5, 0, 0, 0, 0.05),
    "F": (0.06, 0.1, 0.1, 0, 0, 1, 0.3, 0), "TH": (0.2, 0.17, 0.15, 0, 0, 0, 0.4, 0.9),
    "L": (0.27, 0.25, 0.1, 0, 0, 0, 0.25, 0.8), "S": (0.12, 0.04, 0.35, 0, 0, 0, 0.9, 0),
    "SH": (0.17, 0.08, -0.3, 0.6, 0, 0, 0.9, 0), "AX": (0.32, 0.3, 0.05, 0.05, 0, 0, 0.15, 0.1),
}


def sources(args, bundle, limit=64):
    for name in args.inputs:
        path, _, pick = name.partition("#")
        if path.endswith((".mp4", ".mov", ".webm", ".avi")):
            frames, fps = read_video(path, args.limit or limit)
        else:
            frames, fps = [read_image(path)], 25.0
        yield name, Source(bundle, frames, int(pick or 0)), fps


def view(source, index, image, width, whole=""):
    """The lower face, the whole crop or a close-up of the mouth, scaled to `width`."""
    x1, y1, x2, y2 = source.boxes[index]
    height = y2 - y1
    top = y1 if whole else y1 + int(0.42 * height)
    bottom = min(image.shape[0], y2 + int(0.04 * height))
    if whole == "mouth":
        lips = source.points[index, 48:60]
        middle, side = lips.mean(0), 0.85 * np.ptp(lips[:, 0]) + 0.05 * (x2 - x1)
        x1, x2 = max(0, int(middle[0] - side)), int(middle[0] + side)
        top, bottom = max(0, int(middle[1] - 0.75 * side)), int(middle[1] + 0.95 * side)
    part = image[top:bottom, x1:x2]
    return cv2.resize(part, (width, int(width * part.shape[0] / part.shape[1])), interpolation=cv2.INTER_CUBIC)


def label(image, text):
    cv2.putText(image, text, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(image, text, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 240, 120), 1, cv2.LINE_AA)
    return image


def stack(rows):
    """Rows of pictures of any height -> one picture."""
    done = []
    for row in rows:
        height = max(r.shape[0] for r in row)
        done.append(np.hstack([np.pad(r, ((0, height - r.shape[0]), (0, 0), (0, 0))) for r in row]))
    width = max(r.shape[1] for r in done)
    return np.vstack([np.pad(r, ((0, 0), (0, width - r.shape[1]), (0, 0))) for r in done])


def poses(args, bundles):
    names = args.only.split(",") if args.only else list(POSES)
    rows = []
    for which, bundle in bundles:
        for place, (name, source, _) in enumerate(sources(args, bundle)):
            i = min(args.start, len(source.frames) - 1)
            driven = source.generate([i] * len(names), np.array([POSES[n] for n in names], np.float32))
            tiles = [label(view(source, i, source.frames[i], args.tile, args.whole), f"{which}{Path(name).stem}"[:24])]
            for n, face in zip(names, driven):
                tiles.append(label(view(source, i, paste(source.frames[i], face, source.boxes[i]), args.tile, args.whole), n))
            rows.append((place, [tiles[k : k + args.columns] for k in range(0, len(tiles), args.columns)]))
    rows.sort(key=lambda r: r[0])
    return stack([row for _, many in rows for row in many])


def rendered(args, bundle):
    _name, source, fps = next(sources(args, bundle, 100000))
    count = args.frames or len(source.frames)
    states = states_of(bundle, args.audio, min(30, count / fps + 1))
    prompts = prompts_of(states, count, fps)
    order = list(range(len(source.frames))) + list(range(len(source.frames)))[::-1]
    for i in range(args.start if args.mode == "frames" else 0, count):
        k = order[i % len(order)]
        face = source.generate([k], prompts[i : i + 1])[0]
        yield i, source, k, paste(source.frames[k], face, source.boxes[k]), prompts[i, 4], fps


def frames(args, bundles):
    blocks = []
    for which, bundle in bundles:
        tiles = []
        for i, source, k, image, prompt, _ in rendered(args, bundle):
            tile = label(view(source, k, image, args.tile, args.whole), f"{which}{i}")
            for j, (value, tint) in enumerate([(prompt[0], (90, 220, 90)), (prompt[4], (230, 60, 60)), (prompt[3], (90, 140, 255))]):
                high = int(30 * max(0, value))
                if high:
                    tile[-high:, 4 + 8 * j : 10 + 8 * j] = tint
            tiles.append(tile)
            if len(tiles) == 48:
                break
        blocks += [tiles[k : k + args.columns] for k in range(0, len(tiles), args.columns)]
    return stack(blocks)


def talk(args, bundles):
    rows = []
    for which, bundle in bundles:
        for _name, source, _ in sources(args, bundle):
            index = np.linspace(args.start, len(source.frames) - 1, args.columns).round().astype(int)
            rows.append([label(view(source, i, source.frames[i], args.tile, args.whole), f"{which}{i}") for i in index])
            for pose in ("sil", "M", "AA"):
                driven = source.generate(index, np.array([POSES[pose]] * len(index), np.float32))
                rows.append([label(view(source, i, paste(source.frames[i], f, source.boxes[i]), args.tile, args.whole), pose)
                             for i, f in zip(index, driven)])
    return stack(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["poses", "frames", "video", "talk"])
    parser.add_argument("inputs", nargs="+")
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--other")
    parser.add_argument("--face")
    parser.add_argument("--out", required=True)
    parser.add_argument("--audio")
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--frames", type=int)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--tile", type=int, default=200)
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--only")
    parser.add_argument("--whole", choices=["", "crop", "mouth"], default="", help="lower face, whole crop, or close up")
    args = parser.parse_args()
    bundles = [("", Bundle(args.bundle, args.face))]
    if args.other:
        bundles.append(("other ", Bundle(args.other, args.face)))
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    if args.mode == "video":
        done = list(rendered(args, bundles[0][1]))
        write_video(args.out, [d[3] for d in done], done[0][5], args.audio)
    else:
        image = {"poses": poses, "frames": frames, "talk": talk}[args.mode](args, bundles)
        cv2.imwrite(args.out, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
