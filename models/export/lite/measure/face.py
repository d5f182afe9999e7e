"""Measures a face graph on pictures and clips, beside another one if given.

    python -m measure.face PICTURES [--graph FILE] [--other FILE] [--cache DIR]

PICTURES is a folder of jpg, png, mp4 (their frame at 1.5 s). Prints, in turn: every picture's faces; how far landmarks
wander when the picture is turned, scaled and shifted; dark copies; two copies side by side; small copies; noise on
still and moving clips; CPU time; parity with torch when the wheel lies in --cache.
"""

import argparse
import io
import subprocess
import time
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

CLIPS, PICTURES = ('.mp4', '.mov'), ('.jpg', '.png')
GOOD = 0.5


def frames(file, start, count):
    """RGB u8 frames of a clip from `start` seconds on."""
    command = ['ffmpeg', '-v', 'error', '-ss', str(start), '-i', file, '-frames:v', str(count), '-f', 'image2pipe', '-c:v', 'ppm', '-']
    data = io.BytesIO(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    found = []
    while data.read(2) == b'P6':
        data.readline()
        width, height = map(int, data.readline().split())
        data.readline()
        found.append(np.frombuffer(data.read(width * height * 3), np.uint8).reshape(height, width, 3))
    return found


def picture(file):
    return frames(file, 1.5, 1)[0] if file.suffix in CLIPS else np.array(Image.open(file).convert('RGB'))


def scaled(image, factor):
    height, width = image.shape[:2]
    return np.array(Image.fromarray(image).resize((max(1, round(width * factor)), max(1, round(height * factor))), Image.LANCZOS))


def turned(image, degrees, factor, shift):
    """The picture turned, scaled about its center and shifted (px), and the 2x3 matrix from its points to the old ones."""
    height, width = image.shape[:2]
    angle, center = np.deg2rad(degrees), np.array([width / 2, height / 2])
    back = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / factor
    matrix = np.hstack([back, (center - back @ (center + shift))[:, None]])
    return np.array(Image.fromarray(image).transform((width, height), Image.AFFINE, matrix.ravel(), Image.BICUBIC)), matrix


class Graph:
    """`faces(image)` -> scores [K], landmarks [K,68,2]; the prototype's single face counts as K = 1."""

    def __init__(self, file):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        self.name, self.session = Path(file).parent.name, onnxruntime.InferenceSession(file, options)

    def faces(self, image):
        _, scores, landmarks = self.session.run(None, {'image': image})
        return np.atleast_1d(scores), landmarks.reshape(-1, 68, 2)

    def best(self, image):
        """Score and landmarks of the first face; 0 and NaN without one."""
        scores, landmarks = self.faces(image)
        return (float(scores[0]), landmarks[0]) if len(scores) else (0.0, np.full((68, 2), np.nan))


def wander(points):
    """[T,68,2] of what should be one place -> mean distance from the median, % of the face's width: all points, lips."""
    middle = np.nanmedian(points, 0)
    away = np.linalg.norm(points - middle, axis=2) / np.ptp(middle[:, 0]) * 100
    return np.nanmean(away), np.nanmean(away[:, 48:])


def show_faces(graph, files):
    for file, image in files.items():
        scores, landmarks = graph.faces(image)
        widths = np.ptp(landmarks[:, :, 0], axis=1).round().astype(int)
        print(f'  {file.name[:30]:30s} {image.shape[1]}x{image.shape[0]} scores {[round(float(s), 2) for s in scores]} widths {widths.tolist()}')


def show_wander(graph, files, rng):
    rows = []
    for image in files.values():
        image = scaled(image, min(1, 900 / max(image.shape)))
        found, scores = [], []
        for _ in range(8):
            shift = rng.uniform(-.04, .04, 2) * image.shape[1::-1]
            view, matrix = turned(image, rng.uniform(-12, 12), rng.uniform(.85, 1.1), shift)
            score, points = graph.best(view)
            scores.append(score)
            found.append(points @ matrix[:, :2].T + matrix[:, 2])
        rows.append([*wander(np.array(found)), min(scores)])
    rows = np.array(rows)
    print(f'  turned, scaled, shifted: all points {np.median(rows[:, 0]):.2f} %, lips {np.median(rows[:, 1]):.2f} % of the width (median picture); '
          f'lowest score {rows[:, 2].min():.2f}, pictures always >= {GOOD}: {(rows[:, 2] >= GOOD).sum()} of {len(rows)}')


def show_dark(graph, files, rng):
    for light in (.25, .12, .06, .03):
        scores, errors = [], []
        for image in files.values():
            _, points = graph.best(image)
            dark = (image * light + rng.normal(0, 2, image.shape)).clip(0, 255).astype(np.uint8)
            score, moved = graph.best(dark)
            scores.append(score)
            errors.append(np.linalg.norm(moved - points, axis=1).mean() / np.ptp(points[:, 0]) * 100)
        print(f'  light x{light}: {sum(s >= GOOD for s in scores)} of {len(scores)} found, landmarks moved {np.nanmedian(errors):.2f} % (median)')


def show_two(graph, files):
    """A picture and its copy at 70 % beside it, both ways round: is the larger face the first?"""
    right = asked = both = 0
    for image in files.values():
        small = scaled(image, .7)
        for order in (0, 1):
            canvas = np.full((image.shape[0], image.shape[1] + small.shape[1], 3), 90, np.uint8)
            left, other = (image, small) if order == 0 else (small, image)
            canvas[:left.shape[0], :left.shape[1]] = left
            canvas[:other.shape[0], left.shape[1]:] = other
            scores, landmarks = graph.faces(canvas)
            at = landmarks[0][:, 0].mean() if len(scores) else -1
            right += 0 <= at < image.shape[1] if order == 0 else at >= small.shape[1]
            both, asked = both + (len(scores) == 2), asked + 1
    print(f'  two copies side by side: the larger first {right} of {asked}, exactly two faces {both} of {asked}')


def show_small(graph, files):
    """Faces of a given width in 1920x1080."""
    for width in (160, 110, 86, 70, 58):
        found = 0
        for image in files.values():
            _, points = graph.best(image)
            face = scaled(image, width / np.ptp(points[:, 0]))[:1000, :1800]
            canvas = np.full((1080, 1920, 3), 90, np.uint8)
            canvas[40:40 + face.shape[0], 60:60 + face.shape[1]] = face
            found += graph.best(canvas)[0] >= GOOD
        print(f'  faces {width} px wide in 1920x1080: {found} of {len(files)} found')


def show_noise(graph, clips):
    for clip in clips:
        points = np.array([graph.best(frame)[1] for frame in frames(clip, 1, 75)])
        second = np.diff(points, 2, axis=0)[:, 48:]
        width = np.nanmedian(np.ptp(points[:, :, 0], axis=1))
        print(f'  {clip.name[:30]:30s} 75 frames: second difference of the lips {np.sqrt(np.nanmean(second ** 2)):.2f} px rms, face {width:.0f} px wide')


def show_time(graph, image):
    for height, width in ((768, 576), (1080, 1920)):
        view, spent = np.array(Image.fromarray(image).resize((width, height))), []
        for _ in range(25):
            start = time.process_time()
            graph.faces(view)
            spent.append(time.process_time() - start)
        print(f'  {width}x{height}: {np.median(spent) * 1e3:.1f} ms CPU, one thread, {len(graph.faces(view)[0])} face(s)')


def show_parity(graph, files, cache):
    import torch
    from face import Face, sources
    model = Face(*sources(cache)[:2]).eval()
    with torch.no_grad():
        for file, image in files.items():
            there = model(torch.from_numpy(image.copy()))
            here = graph.session.run(None, {'image': image})
            same = len(here[1]) == len(there[1])
            worst = max((float(np.abs(a - b.numpy()).max()) for a, b in zip(here, there) if a.size), default=0) if same else np.nan
            if not worst < 1e-3:
                print(f'  {file.name}: torch and ONNX differ by {worst:.4f} ({len(there[1])} and {len(here[1])} faces)')
    print(f'  torch against ONNX: {len(files)} pictures compared')


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument('pictures', type=Path)
    parse.add_argument('--graph', default='models/lite/face.onnx')
    parse.add_argument('--other')
    parse.add_argument('--cache', type=Path)
    chosen = parse.parse_args()
    names = sorted(file for file in chosen.pictures.iterdir() if file.suffix in CLIPS + PICTURES)
    files = {file: picture(file) for file in names}
    graphs = [Graph(file) for file in (chosen.graph, chosen.other) if file]
    # One clear face by the first graph: what the rest is measured on.
    single = {file: image for file, image in files.items() if (graphs[0].faces(image)[0] >= GOOD).sum() == 1}
    for graph in graphs:
        print(f'{graph.name}, {len(single)} pictures with one face')
        show_faces(graph, files)
        show_wander(graph, single, np.random.default_rng(0))
        show_dark(graph, single, np.random.default_rng(0))
        show_two(graph, single)
        show_small(graph, single)
        show_noise(graph, [file for file in single if file.suffix in CLIPS])
        show_time(graph, next(iter(single.values())))
    if chosen.cache:
        show_parity(graphs[0], files, chosen.cache)


if __name__ == '__main__':
    main()
