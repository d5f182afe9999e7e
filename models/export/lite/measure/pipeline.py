"""The pipeline in Python, for looking and measuring only: detect, crop, run, paste.

It follows what the product does in TypeScript closely enough to judge pictures, and takes any bundle
directory, so two bundles can be compared on the same frames.
"""

import json
import subprocess
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

SIZE = 256
STEADY = 1.0  # Gaussian smoothing of the landmarks over time, frames


class Bundle:
    """The graphs of one directory, one thread each; `face` and `listen` come from the directory `face` if given.

    `clip` is optional, as in the contract.
    """

    def __init__(self, folder: str | Path, face: str | Path | None = None):
        self.folder = Path(folder)
        lent = Path(face) if face else self.folder
        self.graphs = {}
        for name in ("face", "encode", "clip", "listen", "generate"):
            path = (lent if name in ("face", "listen") else self.folder) / f"{name}.onnx"
            if not path.exists():
                continue
            options = ort.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            self.graphs[name] = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(self, name: str, feeds: dict) -> dict:
        graph = self.graphs[name]
        wanted = {i.name for i in graph.get_inputs()}
        outputs = [o.name for o in graph.get_outputs()]
        values = graph.run(None, {k: v for k, v in feeds.items() if k in wanted})
        return dict(zip(outputs, values))

    def faces(self, image: np.ndarray, threshold: float = 0.5) -> list[np.ndarray]:
        """Landmarks [68,2] of every face, best first. Accepts both forms of the `face` graph."""
        out = self.run("face", {"image": np.ascontiguousarray(image)})
        box = out.get("boxes", out.get("box"))
        score = out.get("scores", out.get("score"))
        if box.ndim == 1:
            score, points = score.reshape(1), out["landmarks"][None]
        else:
            points = out["landmarks"]
        return [p for p, s in zip(points, np.atleast_1d(score)) if s >= threshold]


def box_of(points: np.ndarray, height: int, width: int) -> tuple[int, int, int, int]:
    """MuseTalk's box rule with the chin margin: point 29 is the vertical center (x1, y1, x2, y2)."""
    low = points[:, 1].max()
    top = max(0, points[29, 1] - (low - points[29, 1]))
    x1, x2 = points[:, 0].min(), points[:, 0].max()
    margin = max(10, 0.1 * (low - top))
    box = [max(0, int(x1)), int(top), min(width, int(x2)), min(height, int(low + margin))]
    return tuple(box)


def smooth(track: np.ndarray, sigma: float = 1.5) -> np.ndarray:
    """Gaussian smoothing over time of [F, ...], ends replicated."""
    if len(track) < 3:
        return track
    radius = int(3 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.concatenate([track[:1].repeat(radius, 0), track, track[-1:].repeat(radius, 0)])
    return sum(k * padded[i : i + len(track)] for i, k in enumerate(kernel))


def cut(image: np.ndarray, box) -> np.ndarray:
    x1, y1, x2, y2 = box
    return cv2.resize(image[y1:y2, x1:x2], (SIZE, SIZE), interpolation=cv2.INTER_LANCZOS4)


def to_crop(points: np.ndarray, box) -> np.ndarray:
    x1, y1, x2, y2 = box
    scale = np.array([SIZE / (x2 - x1), SIZE / (y2 - y1)], np.float32)
    return ((points - np.array([x1, y1], np.float32) + 0.5) * scale - 0.5).astype(np.float32)


def mask_of(width: int, height: int) -> np.ndarray:
    """The bundle's paste mask [height, width, 1]: lower half, ramps at the sides and the bottom."""
    y = (np.arange(height) + 0.5) / height
    x = (np.arange(width) + 0.5) / width
    t = np.clip((y - 0.42) / 0.10, 0, 1)
    rows = t * t * (3 - 2 * t) * np.clip((1 - y) / 0.03, 0, 1)
    columns = np.clip(np.minimum(x, 1 - x) / 0.08, 0, 1)
    return (rows[:, None] * columns[None, :])[..., None].astype(np.float32)


def paste(image: np.ndarray, face: np.ndarray, box) -> np.ndarray:
    x1, y1, x2, y2 = box
    big = cv2.resize(face, (x2 - x1, y2 - y1), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    mask = mask_of(x2 - x1, y2 - y1)
    out = image.copy()
    under = image[y1:y2, x1:x2].astype(np.float32)
    out[y1:y2, x1:x2] = np.rint(under + (big - under) * mask).astype(np.uint8)
    return out


class Source:
    """Frames of one clip (or one still), with boxes, crops and the encoded state of each frame."""

    def __init__(self, bundle: Bundle, frames: list[np.ndarray], pick: int = 0, clip_frames: int = 64,
                 steady: float = STEADY):
        self.bundle, self.frames = bundle, frames
        points = []
        for frame in frames:
            found = bundle.faces(frame)
            if not found and not points:
                raise ValueError("no face")
            if found and points:
                found.sort(key=lambda p: np.abs(p - points[-1]).mean())
                points.append(found[0])
            else:
                points.append(found[min(pick, len(found) - 1)] if found else points[-1])
        self.points = np.stack(points).astype(np.float32)
        if steady:
            self.points = smooth(self.points, steady).astype(np.float32)
        height, width = frames[0].shape[:2]
        steady = smooth(self.points)
        self.boxes = [box_of(p, height, width) for p in steady]
        self.crops = np.stack([cut(f, b) for f, b in zip(frames, self.boxes)])
        self.local = np.stack([to_crop(p, b) for p, b in zip(self.points, self.boxes)])
        parts = [
            bundle.run("encode", {"crop": self.crops[i : i + 8], "landmarks": self.local[i : i + 8]})
            for i in range(0, len(frames), 8)
        ]
        self.state = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
        self.clip = {}
        if "clip" in bundle.graphs:
            count = min(clip_frames, len(frames))
            index = np.unique(np.linspace(0, len(frames) - 1, count).round().astype(int))
            self.clip = bundle.run("clip", {k: v[index] for k, v in self.state.items() if k != "pixels"})

    def generate(self, index, prompt: np.ndarray) -> np.ndarray:
        """index: frame numbers [N]; prompt f32 [N,10,8] or [N,8] (held still) -> u8 [N,256,256,3]."""
        index = np.atleast_1d(index)
        if prompt.ndim == 2:
            prompt = np.repeat(prompt[:, None], 10, 1)
        out = []
        for i in range(0, len(index), 4):
            feeds = {k: v[index[i : i + 4]] for k, v in self.state.items()}
            feeds |= self.clip | {"prompt": prompt[i : i + 4].astype(np.float32)}
            out.append(self.bundle.run("generate", feeds)["face"])
        return np.concatenate(out)


def read_video(path, limit: int | None = None, start: float = 0.0) -> tuple[list[np.ndarray], float]:
    probe = json.loads(subprocess.check_output(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
         "stream=width,height,r_frame_rate", "-of", "json", str(path)]))["streams"][0]
    width, height = probe["width"], probe["height"]
    up, down = map(int, probe["r_frame_rate"].split("/"))
    command = ["ffmpeg", "-v", "error", "-ss", str(start), "-i", str(path)]
    if limit:
        command += ["-frames:v", str(limit)]
    raw = subprocess.check_output(command + ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
    frames = np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)
    return list(frames), up / down


def read_image(path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def states_of(bundle: Bundle, wav, seconds: float) -> np.ndarray:
    """[n,8] mouth parameters, 50 per second, of the first `seconds` (<= 30) of a sound file."""
    raw = subprocess.check_output(
        ["ffmpeg", "-v", "error", "-i", str(wav), "-t", str(seconds), "-ac", "1", "-ar", "16000", "-f", "f32le", "-"])
    pcm = np.zeros(480000, np.float32)
    read = np.frombuffer(raw, np.float32)[:480000]
    pcm[: len(read)] = read
    return bundle.run("listen", {"pcm": pcm})["states"][:, 0]


def prompts_of(states: np.ndarray, frames: int, fps: float) -> np.ndarray:
    """[frames,10,8]: steps start-4 .. start+5 around each frame, start = floor(i*50/fps)."""
    padded = np.concatenate([np.repeat(states[:1], 4, 0), states, np.repeat(states[-1:], 6, 0)])
    return np.stack([padded[int(i * 50 / fps) : int(i * 50 / fps) + 10] for i in range(frames)]).astype(np.float32)


def write_video(path, frames, fps: float, wav=None) -> None:
    height, width = frames[0].shape[:2]
    command = ["ffmpeg", "-y", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}",
               "-r", str(fps), "-i", "-"]
    if wav:
        command += ["-i", str(wav), "-shortest"]
    command += ["-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2", "-c:v", "libx264", "-crf", "16", "-pix_fmt", "yuv420p",
                str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    for frame in frames:
        process.stdin.write(np.ascontiguousarray(frame).tobytes())
    process.stdin.close()
    process.wait()
