"""Golden numbers of the bundle's graphs, which the worker recomputes when it starts.

One entry for each run, in order: { graph, feeds: { name: feed }, expect: { output: numbers } }.

A feed names its dims and a rule; `i` is the flat index:
  ramp      u8   (7 i + 13 (i >> 8) + 29 (i >> 16)) & 255
  wave      f32  0.5 sin(0.05 i) sin(0.0003 i), computed in double
  data      f32  the numbers in `data`
  ellipses  u8   [..., H, W, 3]: `background`, then each of `ellipses` [cx, cy, rx, ry, r, g, b] painted over it where
                 ((x + .5 - cx) / rx)^2 + ((y + .5 - cy) / ry)^2 <= 1
  from      an output of an earlier run, `of` = "graph.output" (the latest run of that graph counts); has no dims
Numbers: dims, mean, `at` = up to eight [flat index, value] pairs (none where the output is empty), tolerance of every value;
the mean may be off by the same, or by a quarter of it where the output is u8.
"""

import numpy as np
import onnxruntime

# A face in plain shapes on 256 x 256 px: head, hair, forehead, brows, eyes, irises, nose, nostrils, lips, mouth. The detector takes it for one.
DRAWING = {
    'dims': [256, 256, 3], 'rule': 'ellipses', 'background': [120, 130, 140],
    'ellipses': [
        [128, 150, 90, 100, 205, 160, 135], [128, 56, 92, 50, 70, 45, 30], [128, 110, 80, 70, 205, 160, 135],
        [92, 104, 20, 4, 70, 45, 30], [164, 104, 20, 4, 70, 45, 30],
        [92, 124, 16, 8, 245, 245, 240], [164, 124, 16, 8, 245, 245, 240],
        [92, 124, 7, 7, 60, 40, 25], [164, 124, 7, 7, 60, 40, 25],
        [128, 150, 9, 28, 214, 170, 146], [128, 172, 16, 8, 190, 140, 116],
        [120, 176, 4, 2, 110, 70, 60], [136, 176, 4, 2, 110, 70, 60],
        [128, 206, 34, 11, 170, 80, 80], [128, 206, 28, 2, 90, 40, 40],
    ],
}
# The same at half size, which is enough for `face`.
HALF = {**DRAWING, 'dims': [128, 128, 3], 'ellipses': [[n / 2 for n in shape[:4]] + shape[4:] for shape in DRAWING['ellipses']]}
RAMP = {'dims': [96, 128, 3], 'rule': 'ramp'}
# Half open, a little wide, teeth apart: the eight mouth parameters, ten steps alike.
MOUTH = [0.6, 0.55, 0.2, 0, 0, 0, 0.15, 0.1]
PROMPT = {'dims': [1, 10, 8], 'rule': 'data', 'data': MOUTH * 10}
# What float rounding on another processor may change, with room: px, scores, levels of 255, mouth parameters.
TOLERANCE = {'boxes': 0.05, 'scores': 0.005, 'score': 0.005, 'landmarks': 0.1, 'states': 0.01}
LEVELS, OTHER = 2, 0.02


def value(feed, made):
    """The tensor a feed stands for."""
    if feed['rule'] == 'from':
        return made[feed['of']]
    dims = feed['dims']
    i = np.arange(np.prod(dims), dtype=np.int64)
    if feed['rule'] == 'ramp':
        return ((7 * i + 13 * (i >> 8) + 29 * (i >> 16)) & 255).astype(np.uint8).reshape(dims)
    if feed['rule'] == 'wave':
        return (0.5 * np.sin(i * 0.05) * np.sin(i * 0.0003)).astype(np.float32).reshape(dims)
    if feed['rule'] == 'data':
        return np.array(feed['data'], np.float32).reshape(dims)
    picture = np.empty(dims[-3:], np.uint8)
    picture[:] = feed['background']
    y, x = np.mgrid[:dims[-3], :dims[-2]] + .5
    for cx, cy, rx, ry, *color in feed['ellipses']:
        picture[((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1] = color
    return picture.reshape(dims)


def numbers(name, tensor):
    """What is expected of one output."""
    flat = tensor.reshape(-1)
    at = sorted({(2 * k + 1) * len(flat) // 16 for k in range(8)}) if len(flat) else []
    whole = tensor.dtype == np.uint8
    return {
        'dims': list(tensor.shape),
        'mean': round(float(flat.mean(dtype=np.float64)), 5) if len(flat) else 0,
        'at': [[k, int(flat[k]) if whole else round(float(flat[k]), 5)] for k in at],
        'tolerance': LEVELS if whole else TOLERANCE.get(name, OTHER),
    }


def feeds(graph, session, made):
    """One set of feeds for each run of `graph`."""
    names = [i.name for i in session.get_inputs()]
    if graph == 'face':
        return [{'image': RAMP}, {'image': HALF}]
    if graph == 'listen':
        return [{'pcm': {'dims': [480000], 'rule': 'wave'}}]
    if graph == 'track':
        return [{'image': HALF, 'last': {'rule': 'from', 'of': 'face.landmarks'}}]
    if graph == 'encode':
        points = np.round(made['face.landmarks'] * 2).reshape(-1)
        landmarks = {'dims': [1, 68, 2], 'rule': 'data', 'data': [int(p) for p in points]}
        return [{'crop': {**DRAWING, 'dims': [1, 256, 256, 3]}, **({'landmarks': landmarks} if 'landmarks' in names else {})}]
    source = lambda name: next(key for key in (f'clip.{name}', f'encode.{name}') if key in made)
    return [{name: PROMPT if name == 'prompt' else {'rule': 'from', 'of': source(name)} for name in names}]


def self_test(files):
    """Runs the graphs in `files` (name -> path), whose order is the order of the runs."""
    runs, made = [], {}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    for graph, file in files.items():
        session = onnxruntime.InferenceSession(file, options, providers=['CPUExecutionProvider'])
        for fed in feeds(graph, session, made):
            outputs = session.run(None, {name: value(feed, made) for name, feed in fed.items()})
            named = dict(zip((o.name for o in session.get_outputs()), outputs))
            made.update({f'{graph}.{name}': tensor for name, tensor in named.items()})
            runs.append({'graph': graph, 'feeds': fed, 'expect': {name: numbers(name, tensor) for name, tensor in named.items()}})
    if 'face' in files and len(made['face.scores']) != 1:
        raise ValueError('the drawn face is not found: the self-test would check nothing of the mesh')
    return runs
