"""Measures the `track` graph against `face` in every frame, on clips.

    python -m measure.track CLIPS... [--bundle DIR] [--lag 2] [--limit 400]

`track` goes from frame to frame by its own landmarks of --lag frames ago, from those of `face` in the first frames on, and
nothing corrects it: what drifts would show. Prints for each clip, in % of the face's width: how far the landmarks are from
those of `face`, all and lips, mean and 95th percentile, and the same for the last quarter of the clip alone; the second
difference of the lips (RMS), which is noise on a still face, by both; the lowest flag; frames that `face` lost.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import onnxruntime
from measure.pipeline import read_video

GOOD = 0.5


def session(file):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(file, options, providers=['CPUExecutionProvider'])


class Clip:
    def __init__(self, frames, face, track, lag):
        self.spent = {'face': [], 'track': []}
        self.found, self.tracked, self.flags = [], [], []
        for i, frame in enumerate(frames):
            _, scores, landmarks = self.timed('face', face, {'image': frame})
            good = landmarks[scores >= GOOD]
            last = self.tracked[i - lag] if i >= lag else None
            if len(good) and last is not None:
                good = good[np.abs(good - last).mean((1, 2)).argsort()]
            self.found.append(good[0] if len(good) else np.full((68, 2), np.nan))
            if last is None or np.isnan(last).any():
                self.tracked.append(self.found[-1])
                continue
            points, score = self.timed('track', track, {'image': frame, 'last': last[None]})
            self.tracked.append(points[0] if score[0] >= GOOD else np.full((68, 2), np.nan))
            self.flags.append(float(score[0]))
        self.found, self.tracked = np.array(self.found), np.array(self.tracked)

    def timed(self, name, graph, feeds):
        start = time.thread_time()
        out = graph.run(None, feeds)
        self.spent[name].append(time.thread_time() - start)
        return out

    def row(self):
        width = np.nanmedian(np.ptp(self.found[:, :, 0], axis=1))
        away = np.linalg.norm(self.tracked - self.found, axis=2) / width * 100
        late = away[-len(away) // 4:]
        noise = [np.sqrt(np.nanmean(np.diff(p, 2, axis=0)[:, 48:] ** 2)) / width * 100 for p in (self.found, self.tracked)]
        lost = np.isnan(self.found[:, 0, 0]), np.isnan(self.tracked[:, 0, 0])
        return {
            'width': width, 'all': np.nanmean(away), 'all95': np.nanquantile(away.mean(1), .95), 'lips': np.nanmean(away[:, 48:]),
            'lips95': np.nanquantile(away[:, 48:].mean(1), .95), 'late': np.nanmean(late), 'late lips': np.nanmean(late[:, 48:]),
            'noise face': noise[0], 'noise track': noise[1], 'lowest': min(self.flags, default=0), 'lost face': lost[0].sum(), 'lost track': lost[1].sum(),
            'ms face': np.median(self.spent['face']) * 1e3, 'ms track': np.median(self.spent['track']) * 1e3,
        }


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument('clips', type=Path, nargs='+')
    parse.add_argument('--bundle', type=Path, default=Path('models/lite'))
    parse.add_argument('--lag', type=int, default=2)
    parse.add_argument('--limit', type=int, default=400)
    chosen = parse.parse_args()
    face, track = (session(chosen.bundle / f'{name}.onnx') for name in ('face', 'track'))
    for file in chosen.clips:
        row = Clip(read_video(file, chosen.limit)[0], face, track, chosen.lag).row()
        print(f'{file.stem[:28]:28s}', ' '.join(f'{name} {value:.3g}' for name, value in row.items()), flush=True)


if __name__ == '__main__':
    main()
