"""python -m musetalk_export --checkpoints DIR (--out BUNDLE [--precision fp32|fp16] [--allow-unknown] [--cuda] | --template OUT)"""

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
    made = parse.add_mutually_exclusive_group(required=True)
    made.add_argument('--out', type=Path, help='folder of the bundle; replaced when the export succeeds')
    made.add_argument('--template', type=Path, help='folder for graphs without weights, and the recipe of the weights; replaced too')
    parse.add_argument('--precision', choices=['fp32', 'fp16'], default='fp32', help='of encode and generate')
    parse.add_argument('--allow-unknown', action='store_true', help='take weights that files.json does not know')
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
    from .templates.make import TemplateError, make_templates

    # Beside the target, so that it takes its place in one step and a failed export leaves what was there alone.
    target = chosen.template or chosen.out
    work = target.with_name(f'.{target.name}.{os.getpid()}')
    work.mkdir(parents=True)
    try:
        if chosen.template:
            made = make_templates(chosen.checkpoints, work)
        else:
            made = f'bundle {build(chosen.checkpoints, work, chosen.precision, chosen.allow_unknown, chosen.cuda)}'
        replace(work, target)
    except (CheckpointError, GateError, TemplateError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f'{target}: {made}')
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
