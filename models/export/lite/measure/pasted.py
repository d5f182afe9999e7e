"""Measure how still the drawn mouth is in the finished frames, through the product's own pipeline.

    python -m measure.pasted --bundle models/lite [--drawing PROTOTYPE] [--pose AA] [--strips DIR] --clips c.mp4 d.mp4

Each clip is rendered without loss by `musetalk-worker run` with a bundle whose listen graph says one pose, whatever it
hears. `--drawing` takes encode, clip and generate from another bundle; the face graph stays. Prints one JSON object:

flicker   mean difference of consecutive frames in the mouth's region, over the source's own there
jerk      the same, of a frame and the mean of its neighbors, which even motion cancels
fixed     flicker after the earlier frame was moved on with the head
slip      px per frame that the drawn mouth moves against the head, RMS across and down; the drawing is held, so it
          is the landmarks' noise where the head rests and their lag where it moves
head      px per frame that the head moves: RMS, and its change from frame to frame

The head is followed by optical flow over eyes and nose, which are never drawn on: no landmark has a say but in where
the regions lie. A source that talks moves its jaw: a part of its slip is wanted.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np
import onnx
from measure.pipeline import Bundle, read_video, smooth
from measure.sheet import POSES
from onnx import TensorProto, helper

ROOT = Path(__file__).resolve().parents[4]
FLOW = {"winSize": (15, 15), "maxLevel": 2, "criteria": (3, 40, 1e-4)}
GRID = 14  # points to a side of a region that is followed
FIRST = 5  # frames left out: the mouth opens, because before the sound there is silence


def saying(pose, listen):
    """A listen graph with the interface of `listen` that answers `pose` [8] for every 20 ms."""
    real = onnx.load(listen).graph
    pcm, states = real.input[0], real.output[0]
    steps = 1500  # of 30 s
    nodes = [helper.make_node("ReduceMean", [pcm.name], ["mean"], keepdims=0), helper.make_node("Mul", ["mean", "none"], ["zero"]),
             helper.make_node("Add", ["held", "zero"], [states.name])]
    held = np.broadcast_to(np.array(pose, np.float32), (steps, 1, 8))
    constants = [helper.make_tensor("held", TensorProto.FLOAT, held.shape, held.flatten()),
                 helper.make_tensor("none", TensorProto.FLOAT, [], [0.0])]
    graph = helper.make_graph(nodes, "held", [pcm], [helper.make_tensor_value_info(states.name, TensorProto.FLOAT, held.shape)], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def held_bundle(out, bundle, drawing, pose):
    """A bundle directory that draws as `drawing` does, finds faces as `bundle` does and holds one pose."""
    rules = json.loads((drawing / "manifest.json").read_text())
    own = json.loads((bundle / "manifest.json").read_text())
    rules["graphs"]["face"], rules["listen"] = own["graphs"]["face"], own["listen"]
    rules["selfTest"] = []
    out.mkdir()
    for name, entry in rules["graphs"].items():
        target = out / f"{name}.onnx"
        if name == "listen":
            onnx.save(saying(pose, bundle / own["graphs"]["listen"]["file"]), target)
        else:
            shutil.copyfile((bundle if name == "face" else drawing) / entry["file"], target)
        data = target.read_bytes()
        entry |= {"file": target.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (out / "manifest.json").write_text(json.dumps(rules))
    return out


def render(video, bundle, work):
    """Frames [H,W,3] RGB of the video with the held mouth, by the product's command line."""
    job = {"video": str(video), "audio": str(work / "tone.wav"), "length": "video", "output": {"lossless": True}}
    (work / "job.json").write_text(json.dumps(job))
    node = ROOT / "node_modules" / ".bin" / "node"
    out = work / "drawn.mkv"
    env = os.environ | {"CACHE_DIR": str(work / "cache"), "CACHE_MAX_MB": "0", "MODEL_BUNDLE": str(bundle), "SCRATCH_DIR": str(work / "scratch")}
    subprocess.run([node, ROOT / "runtime" / "main.ts", "run", "--job", work / "job.json", "--out", out, "--json"],
                   check=True, env=env, stdout=subprocess.DEVNULL)
    return read_video(out)[0]


def piece(clip, start, count, work):
    """`count` frames of the clip as a file of their own, without loss, and a tone that is longer."""
    video = work / "piece.mkv"
    subprocess.run(["ffmpeg", "-y", "-v", "error", "-ss", str(start), "-i", clip, "-frames:v", str(count), "-an", "-c:v", "ffv1", video], check=True)
    subprocess.run(["ffmpeg", "-y", "-v", "error", "-f", "lavfi", "-i", "sine=frequency=200:duration=25", "-ar", "16000", work / "tone.wav"],
                   check=True)
    return video


def grid(points, grow):
    """[n,1,2] points over the box of `points`, enlarged by a share of its width."""
    low, high = points.min(0), points.max(0)
    more = grow * (high[0] - low[0])
    x, y = np.meshgrid(*(np.linspace(low[k] - more, high[k] + more, GRID) for k in (0, 1)))
    return np.stack([x.ravel(), y.ravel()], 1).astype(np.float32)[:, None]


def flow(before, after, points):
    """Where points went, of those alone that come back: [m,2], [m,2]."""
    moved, found, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None, **FLOW)
    back, again, _ = cv2.calcOpticalFlowPyrLK(after, before, moved, None, **FLOW)
    good = (found & again).ravel().astype(bool) & (np.abs(back - points).max(2).ravel() < 0.1)
    return points[good, 0], moved[good, 0]


def head(before, after, landmarks):
    """How the head moved: [2,3], a similarity of eyes and nose."""
    a, b = flow(before, after, np.concatenate([grid(landmarks[17:48], 0.05), grid(landmarks[27:31], 0.3)]))
    if len(a) < 8:
        return np.eye(2, 3)
    cv2.setRNGSeed(1)
    moved, _ = cv2.estimateAffinePartial2D(a, b, ransacReprojThreshold=0.5, refineIters=20)
    return np.eye(2, 3) if moved is None else moved


def mouth_box(landmarks, shape):
    lips = landmarks[48:60]
    grow = 0.25 * np.ptp(lips[:, 0])
    x1, y1 = np.maximum(0, np.floor(lips.min(0) - grow)).astype(int)
    x2, y2 = np.minimum(shape[1::-1], np.ceil(lips.max(0) + grow).astype(int))
    return slice(y1, y2), slice(x1, x2)


def slipped(before, after, landmarks, moved):
    """px (x, y) that the mouth moved beyond what the head did; None where nothing can be followed."""
    a, b = flow(before, after, grid(landmarks[48:60], 0.05))
    if len(a) < 8:
        return None
    return np.median(b - (a @ moved[:, :2].T + moved[:, 2]), 0)


class Clip:
    """What of a clip does not depend on the drawing: frames, regions, the head's motion, the source's own changes."""

    def __init__(self, frames, bundle):
        points = []
        for frame in frames:
            found = bundle.faces(frame)
            points.append(min(found, key=lambda p: np.abs(p - points[-1]).mean()) if found and points else found[0] if found else points[-1])
        self.points = smooth(np.stack(points).astype(np.float32))
        self.frames = frames
        self.gray = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in frames]
        self.moves = [head(a, b, p) for a, b, p in zip(self.gray, self.gray[1:], self.points)]
        self.own = self.changes(frames)

    def changes(self, frames):
        frames = [f.astype(np.float32) for f in frames]
        out = {"flicker": [], "fixed": [], "jerk": []}
        for i in range(FIRST, len(frames)):
            box = mouth_box(self.points[i], frames[i].shape)
            out["flicker"].append(np.abs(frames[i] - frames[i - 1])[box].mean())
            moved = cv2.warpAffine(frames[i - 1], self.moves[i - 1], frames[i].shape[1::-1], flags=cv2.INTER_CUBIC)
            out["fixed"].append(np.abs(frames[i] - moved)[box].mean())
            if i + 1 < len(frames):
                out["jerk"].append(np.abs(frames[i] - (frames[i - 1] + frames[i + 1]) / 2)[box].mean())
        return {k: float(np.mean(v)) for k, v in out.items()}

    def measure(self, frames):
        gray = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in frames]
        slips = [slipped(a, b, p, m) for a, b, p, m in zip(gray, gray[1:], self.points, self.moves)][FIRST - 1 :]
        slips = np.array([s for s in slips if s is not None])
        drawn = self.changes(frames)
        return {k: drawn[k] / self.own[k] for k in drawn} | {"slip": np.sqrt((slips**2).mean(0)).tolist()}

    def motion(self):
        nose = [m[:, :2] @ p[33] + m[:, 2] - p[33] for m, p in zip(self.moves, self.points)]
        return [float(np.sqrt((np.square(v).sum(1)).mean())) for v in (np.array(nose), np.diff(nose, axis=0))]


def strip(path, clip, drawn, at):
    """Mouths of consecutive frames: the source's above, drawn below."""
    rows = []
    for frames in (clip.frames, *drawn):
        box = mouth_box(clip.points[at[0]], frames[0].shape)
        rows.append(np.hstack([cv2.resize(frames[i][box], (220, 170), interpolation=cv2.INTER_CUBIC) for i in at]))
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--drawing", type=Path)
    parser.add_argument("--pose", default="AA", choices=POSES)
    parser.add_argument("--clips", nargs="+", required=True)
    parser.add_argument("--start", type=float, default=0, help="s")
    parser.add_argument("--count", type=int, default=100, help="frames of each clip")
    parser.add_argument("--strips", type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        held = held_bundle(work / "held", args.bundle, args.drawing or args.bundle, POSES[args.pose])
        for name in args.clips:
            video = piece(name, args.start, args.count, work)
            clip = Clip(read_video(video)[0], Bundle(args.bundle))
            drawn = render(video, held, work)
            values = clip.measure(drawn) | {"head": clip.motion()}
            result[Path(name).stem] = {k: np.round(v, 3).tolist() for k, v in values.items()}
            if args.strips:
                args.strips.mkdir(parents=True, exist_ok=True)
                strip(args.strips / f"{Path(name).stem}.png", clip, [drawn], range(20, 28))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
