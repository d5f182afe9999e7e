"""python -m musetalk_export --checkpoints DIR --out BUNDLE [--precision fp32|fp16] [--allow-unknown] [--cuda]"""

import argparse
import logging
import os
import shutil
import sys
import warnings
from pathlib import Path

from .layout import CheckpointError


def arguments() -> argparse.Namespace:
    parse = argparse.ArgumentParser(prog='musetalk_export', description='Turns MuseTalk v1.5 checkpoints into a model bundle.')
    parse.add_argument('--checkpoints', type=Path, required=True, help='folder with the files in the official layout')
    parse.add_argument('--out', type=Path, required=True, help='folder of the bundle; replaced when the export succeeds')
    parse.add_argument('--precision', choices=['fp32', 'fp16'], default='fp32', help='of encode and generate')
    parse.add_argument('--allow-unknown', action='store_true', help='take weights that hashes.json does not know')
    parse.add_argument('--cuda', action='store_true', help='add a variant of generate for CUDA, fused and in half precision')
    return parse.parse_args()


def main() -> int:
    chosen = arguments()
    # Progress bars and what the exporter has to say about names: the table below is what counts.
    os.environ.setdefault('TQDM_DISABLE', '1')
    logging.getLogger('torch.onnx').setLevel(logging.ERROR)
    warnings.filterwarnings('ignore', '(?s).*The axis name', UserWarning)
    from .bundle import build
    from .gate import GateError

    # Beside the target, so that it takes its place in one step and a failed export leaves the old bundle alone.
    work = chosen.out.with_name(f'.{chosen.out.name}.{os.getpid()}')
    work.mkdir(parents=True)
    try:
        name = build(chosen.checkpoints, work, chosen.precision, chosen.allow_unknown, chosen.cuda)
        replace(work, chosen.out)
    except (CheckpointError, GateError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f'{chosen.out}: bundle {name}')
    return 0


def replace(new: Path, target: Path) -> None:
    """Put a folder in the place of another, which is moved aside first: a folder that is not empty can't be renamed over."""
    old = target.with_name(f'{new.name}.old')
    if target.exists():
        target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
