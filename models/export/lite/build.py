"""Builds the embedded `lite` bundle: six ONNX graphs and their manifest.

    python models/export/lite/build.py --out models/lite [--cache DIR] [--only face,listen] [--manifest-only]
"""

import argparse
import hashlib
import importlib
import json
import sys
from pathlib import Path

import onnx

sys.path.insert(0, str(Path(__file__).parent))
from build_selftest import self_test
from folding import fold

# In the order they are built; `track` and `clip` are optional in a bundle.
GRAPHS = ['face', 'track', 'encode', 'clip', 'generate', 'listen']
DTYPES = {onnx.TensorProto.UINT8: 'uint8', onnx.TensorProto.FLOAT: 'float32', onnx.TensorProto.FLOAT16: 'float16'}
FIXED = {
    'listen': {'layers': 1, 'dim': 8, 'overlapS': 1},
    'encode': {'landmarks': True},
    'clip': {'frames': 64},
    'batch': [1, 4],
    'crop': {'chin_margin_px': 10, 'chin_margin_share': 0.1},
    'face': {'threshold': 0.5},
    'mask': {'top': [0.42, 0.52], 'sides': 0.08, 'bottom': 0.03},
}


def entry(name, file):
    """The manifest's words on one graph: what it is, to the byte, and whose."""
    module = importlib.import_module(name)
    data = file.read_bytes()
    return {
        'file': file.name, 'bytes': len(data), 'sha256': hashlib.sha256(data).hexdigest(),
        'licence': module.LICENSE, 'origin': module.ORIGIN,
    }


def states(encode, runs):
    """Outputs of the encode graph without their first axis, the frames. Sizes are those of its run: the file may leave some open."""
    made = next(run['expect'] for run in runs if run['graph'] == 'encode')
    return [
        {'name': output.name, 'dtype': DTYPES[output.type.tensor_type.elem_type], 'shape': made[output.name]['dims'][1:]}
        for output in onnx.load(encode).graph.output
    ]


def manifest(out):
    """The manifest of the graphs that lie in `out`."""
    files = {name: out / f'{name}.onnx' for name in GRAPHS if (out / f'{name}.onnx').exists()}
    runs = self_test(files)
    return {
        'format': 1,
        'name': 'lite',
        'version': '1.0.0',
        'precision': 'fp32 (weights stored as fp16 where that is exact)',
        'graphs': {name: entry(name, file) for name, file in files.items()},
        **{key: value for key, value in FIXED.items() if key != 'clip' or 'clip' in files},
        'states': states(files['encode'], runs) if 'encode' in files else [],
        'selfTest': runs,
    }


def written(tree, margin=''):
    """JSON with one line for each leaf of the tree, a list of numbers being a leaf."""
    inner = f'{margin} '
    if isinstance(tree, dict):
        lines = [f'{inner}{json.dumps(key)}: {written(value, inner)}' for key, value in tree.items()]
        return '{\n' + ',\n'.join(lines) + f'\n{margin}' + '}' if lines else '{}'
    if isinstance(tree, list) and tree and isinstance(tree[0], dict):
        return '[\n' + ',\n'.join(inner + written(value, inner) for value in tree) + f'\n{margin}]'
    return json.dumps(tree)


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument('--out', type=Path, required=True, help='folder of the bundle')
    parse.add_argument('--cache', type=Path, default=Path('.cache/lite'), help='downloads and training data')
    parse.add_argument('--only', default=','.join(GRAPHS), help='graphs to build, by name; the others stay as they are')
    parse.add_argument('--manifest-only', action='store_true', help='build nothing, describe what is there')
    chosen = parse.parse_args()
    names = chosen.only.split(',')
    if unknown := set(names) - set(GRAPHS):
        parse.error(f'no such graph: {", ".join(sorted(unknown))}')
    chosen.out.mkdir(parents=True, exist_ok=True)
    chosen.cache.mkdir(parents=True, exist_ok=True)
    for name in [] if chosen.manifest_only else [name for name in GRAPHS if name in names]:
        print(f'building {name}', flush=True)
        importlib.import_module(name).build(chosen.out, chosen.cache)
        fold(chosen.out / f'{name}.onnx')
    (chosen.out / 'manifest.json').write_text(written(manifest(chosen.out)) + '\n')


if __name__ == '__main__':
    main()
