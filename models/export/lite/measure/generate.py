"""Measure the drawn mouth of a bundle, with the bundle's own `face` graph as the ruler.

    python -m measure.generate --bundle models/lite [--face DIR] --stills a.png b.png --clips c.mp4 d.mp4

Prints one JSON object. Lengths are divided by the distance of the outer eye corners (points 36, 45).
"""

import argparse
import itertools
import json
import time

import numpy as np
from measure.pipeline import SIZE, Bundle, Source, mask_of, paste, read_image, read_video
from measure.sheet import POSES

STEPS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def ruler(bundle, image, near):
    """gap, width and chin depth / eyes of the face nearest to `near` [68,2]; None when no face is found."""
    found = bundle.faces(image)
    if not found:
        return None
    p = min(found, key=lambda q: np.abs(q - near).mean())
    eyes = np.linalg.norm(p[45] - p[36])
    gap = np.mean([np.linalg.norm(p[a] - p[b]) for a, b in ((61, 67), (62, 66), (63, 65))])
    return gap / eyes, np.linalg.norm(p[54] - p[48]) / eyes, np.linalg.norm(p[8] - p[29]) / eyes


def driven(source, i, poses):
    faces = source.generate([i] * len(poses), np.array(poses, np.float32))
    return [paste(source.frames[i], f, source.boxes[i]) for f in faces]


def still(bundle, source):
    """(a) the ruler on every driven pose of frame 0"""
    sweep = [(o, o, 0, 0, 0.25 * (1 - o), 0, 0.1 * o, 0.1 * o) for o in STEPS]
    names = ["sil", "M", "AA", "IY", "UW", "OW", "S", "F"]
    images = driven(source, 0, sweep + [POSES[n] for n in names])
    values = [ruler(bundle, image, source.points[0]) for image in images]
    own = ruler(bundle, source.frames[0], source.points[0])
    if own is None or any(v is None for v in values):
        return None
    gaps = [v[0] for v in values[: len(STEPS)]]
    pose = dict(zip(names, values[len(STEPS):]))
    return {
        "source_gap": own[0], "sweep": gaps, "monotone": all(b > a - 0.002 for a, b in itertools.pairwise(gaps)),
        "gap": {n: pose[n][0] for n in names}, "width": {n: pose[n][1] for n in names},
        "round_width": pose["UW"][1] / pose["sil"][1], "wide_width": pose["IY"][1] / pose["sil"][1],
        "chin": pose["AA"][2] - pose["sil"][2],
    }


def region(points):
    """Mouth box of a crop, px: the lips and half a mouth width around them."""
    lips = points[48:60]
    grow = 0.25 * np.ptp(lips[:, 0])
    x1, y1 = np.floor(lips.min(0) - grow).astype(int)
    x2, y2 = np.ceil(lips.max(0) + grow).astype(int)
    return slice(max(0, y1), min(SIZE, y2)), slice(max(0, x1), min(SIZE, x2))


def moving(bundle, source, step):
    """(b) what is left of the source's own mouth motion; (c) flicker while one prompt is held"""
    out = {}
    index = np.arange(0, len(source.frames), step)
    own = [ruler(bundle, source.frames[i], source.points[i]) for i in index]
    for name in ("sil", "M", "AA"):
        faces = source.generate(index, np.array([POSES[name]] * len(index), np.float32))
        seen = [ruler(bundle, paste(source.frames[i], f, source.boxes[i]), source.points[i]) for i, f in zip(index, faces)]
        pairs = np.array([(a[:2] + b[:2]) for a, b in zip(own, seen) if a and b])
        wide = pairs[:, 0] > 0.05  # frames whose own mouth is open
        out[name] = {
            "source_gap_mean": pairs[:, 0].mean(), "gap_mean": pairs[:, 2].mean(), "gap_p95": np.quantile(pairs[:, 2], 0.95),
            "open_frames": int(wide.sum()), "gap_mean_open_frames": pairs[wide, 2].mean() if wide.any() else None,
            "source_gap_std": pairs[:, 0].std(), "gap_std": pairs[:, 2].std(),
            "source_width_std": pairs[:, 1].std(), "width_std": pairs[:, 3].std(),
            "follows_source": float(np.corrcoef(pairs[:, 0], pairs[:, 2])[0, 1]),
        }
    count = min(len(source.frames), 120)
    for name in ("sil", "AX", "AA"):
        faces = source.generate(np.arange(count), np.array([POSES[name]] * count, np.float32)).astype(np.float32)
        crops = source.crops[:count].astype(np.float32)
        new, old = [], []
        for i in range(1, count):
            rows, columns = region(source.local[i])
            new.append(np.abs(faces[i] - faces[i - 1])[rows, columns].mean())
            old.append(np.abs(crops[i] - crops[i - 1])[rows, columns].mean())
        # Jerk: how far a frame is from the mean of its neighbors, which even motion cancels.
        jerk_new, jerk_old = [], []
        for i in range(1, count - 1):
            rows, columns = region(source.local[i])
            jerk_new.append(np.abs(faces[i] - (faces[i - 1] + faces[i + 1]) / 2)[rows, columns].mean())
            jerk_old.append(np.abs(crops[i] - (crops[i - 1] + crops[i + 1]) / 2)[rows, columns].mean())
        out["flicker_" + name] = {"levels": np.mean(new), "source_levels": np.mean(old), "ratio": np.mean(new) / np.mean(old),
                                  "jerk_ratio": np.mean(jerk_new) / np.mean(jerk_old)}
    return out


def untouched(source):
    """(d) largest change outside the mask, and mean change of the crop far from the mouth, levels"""
    worst, far = 0, []
    for name in ("AA", "UW", "M"):
        face = source.generate([0], np.array([POSES[name]], np.float32))[0]
        image = paste(source.frames[0], face, source.boxes[0])
        x1, y1, x2, y2 = source.boxes[0]
        mask = np.zeros(image.shape[:2], bool)
        mask[y1:y2, x1:x2] = mask_of(x2 - x1, y2 - y1)[..., 0] > 0
        change = np.abs(image.astype(int) - source.frames[0]).max(2)
        worst = max(worst, int(change[~mask].max()))
        p = source.local[0]
        center, half = (p[48] + p[54]) / 2, np.linalg.norm(p[54] - p[48]) / 2
        y, x = np.mgrid[0:SIZE, 0:SIZE]
        away = (np.abs(x - center[0]) > 2.2 * half) | (y < p[33, 1] - 0.3 * half)
        far.append(np.abs(face.astype(int) - source.crops[0])[away].mean())
    return {"outside_mask_max": worst, "far_from_mouth_mean": float(np.mean(far))}


def speed(bundle, source):
    """(e) CPU milliseconds per frame, one thread"""
    def clock(run, count, frames):
        run()
        start = time.process_time()
        for _ in range(count):
            run()
        return (time.process_time() - start) * 1000 / count / frames

    one = [0]
    pose = np.array([POSES["AA"]], np.float32)
    out = {
        "generate_1": clock(lambda: source.generate(one, pose), 20, 1),
        "generate_4": clock(lambda: source.generate(one * 4, np.repeat(pose, 4, 0)), 8, 4),
        "encode": clock(lambda: bundle.run("encode", {"crop": source.crops[:1], "landmarks": source.local[:1]}), 30, 1),
    }
    if "clip" in bundle.graphs:
        feeds = {k: np.repeat(v[:1], 64, 0) for k, v in source.state.items() if k != "pixels"}
        out["clip_64"] = clock(lambda: bundle.run("clip", feeds), 10, 1)
    return out


def equality(bundle, source):
    """Largest differences: the torch modules against the bundle's ONNX files, and N = 4 against four times N = 1"""
    import torch
    from clip import Clip
    from encode import Encode
    from generate import Generate

    torch.set_num_threads(1)
    count = min(4, len(source.frames))
    names = ["pixels", "shape", "inside"]
    prompt = np.repeat(np.array([POSES[n] for n in ("AA", "M", "UW", "S")], np.float32)[:count, None], 10, 1)
    with torch.no_grad():
        state = Encode()(torch.from_numpy(source.crops[:count]), torch.from_numpy(source.local[:count]))
        mouth = Clip()(torch.from_numpy(source.state["shape"]), torch.from_numpy(source.state["inside"]))
        face = Generate()(state[0], state[1], *(torch.from_numpy(source.clip[k]) for k in ("mouth", "teeth")),
                          torch.from_numpy(prompt)).numpy()
    whole = bundle.run("clip", {k: source.state[k] for k in names[1:]})
    feeds = {k: source.state[k][:count] for k in names} | source.clip | {"prompt": prompt}
    batch = bundle.run("generate", feeds)["face"]
    single = np.concatenate([bundle.run("generate", feeds | {k: feeds[k][i : i + 1] for k in names + ["prompt"]})["face"]
                             for i in range(count)])

    def most(a, b):
        return float(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).max())

    return {"encode": {k: most(a.numpy(), source.state[k][:count]) for k, a in zip(names, state)},
            "clip": {k: most(a.numpy(), whole[k]) for k, a in zip(("mouth", "teeth"), mouth)},
            "generate_levels": most(face, batch), "batch_levels": most(batch, single)}


def rounded(value):
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    return float(f"{value:.4g}") if isinstance(value, (float, np.floating)) else value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--face")
    parser.add_argument("--stills", nargs="*", default=[])
    parser.add_argument("--clips", nargs="*", default=[])
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("--step", type=int, default=5)
    args = parser.parse_args()
    bundle = Bundle(args.bundle, args.face)
    result = {"stills": {}, "clips": {}}
    for name in args.stills:
        path, _, pick = name.partition("#")
        try:
            source = Source(bundle, [read_image(path)], int(pick or 0))
        except ValueError as error:
            result["stills"][name.rsplit("/", 1)[-1]] = {"note": str(error)}
            continue
        result["stills"][name.rsplit("/", 1)[-1]] = (still(bundle, source) or {"note": "no face after driving"}) | untouched(source)
        result.setdefault("speed", speed(bundle, source))
    for name in args.clips:
        source = Source(bundle, read_video(name, args.limit)[0])
        if "clip" in bundle.graphs:
            result.setdefault("equality", equality(bundle, source))
        result["clips"][name.rsplit("/", 1)[-1]] = moving(bundle, source, args.step)
    good = [v for v in result["stills"].values() if "gap" in v]
    if good:
        result["mean"] = {
            "faces": len(good), "monotone": sum(v["monotone"] for v in good),
            **{f"gap_{n}": np.mean([v["gap"][n] for v in good]) for n in ("sil", "M", "AA", "IY", "UW", "OW", "S", "F")},
            "round_width": np.mean([v["round_width"] for v in good]), "wide_width": np.mean([v["wide_width"] for v in good]),
            "chin": np.mean([v["chin"] for v in good]), "sweep": np.mean([v["sweep"] for v in good], 0).tolist(),
            "far_from_mouth": np.mean([v["far_from_mouth_mean"] for v in good]),
        }
    print(json.dumps(rounded(result), indent=1))


if __name__ == "__main__":
    main()
