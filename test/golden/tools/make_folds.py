#!/usr/bin/env python3
"""Write small random weights and what the exporter folds of them.

    PYTHONPATH=../../../models/export python make_folds.py --out ../folds.json

Needs numpy. Every array is the base64 of its little-endian float32, row-major.
"""
import argparse
import base64
from pathlib import Path

import numpy as np
from musetalk_export.networks import folds

SHAPES = {
    "norm": {"convolution": (5, 3, 2, 2), "weight": (5,), "bias": (5,), "mean": (5,), "variance": (5,)},
    "time": {
        "bias": (6,), "projection.weight": (6, 8), "projection.bias": (6,),
        "1.weight": (8, 4), "1.bias": (8,), "2.weight": (8, 8), "2.bias": (8,),
    },
}


def main() -> None:
    p = argparse.ArgumentParser()
    p.add_argument("--out", type=Path, required=True)
    random = np.random.default_rng(7)
    made = {kind: {name: random.standard_normal(shape).astype(np.float32) * 3 for name, shape in shapes.items()} for kind, shapes in SHAPES.items()}
    norm, time = made["norm"], made["time"]
    norm["variance"] = np.abs(norm["variance"])
    results = {
        "norm-weight": folds.norm_weight(norm["convolution"], norm["weight"], norm["variance"]),
        "norm-bias": folds.norm_bias(norm["weight"], norm["bias"], norm["mean"], norm["variance"]),
        "time-bias": folds.time_bias(*time.values()),
    }
    made["results"] = results
    groups = [f'"{name}": {{\n' + ",\n".join(f' "{key}": "{told(value)}"' for key, value in arrays.items()) + "\n}" for name, arrays in made.items()]
    p.parse_args().out.write_text("{\n" + ",\n".join(groups) + "\n}\n")


def told(array: np.ndarray) -> str:
    assert array.dtype == np.float32
    return base64.b64encode(array.tobytes()).decode()


if __name__ == "__main__":
    main()
