"""Export of the mouth graphs: torch module -> ONNX file with a dynamic first dimension."""

import warnings
from pathlib import Path

import onnx
import torch


def export(module, example, path: Path, inputs, outputs, dynamic) -> None:
    """`dynamic`: names whose first dimension is free. Opset 17, standard operators."""
    path.parent.mkdir(parents=True, exist_ok=True)
    module.eval()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, example, str(path), input_names=inputs, output_names=outputs, opset_version=17,
                          dynamo=False, dynamic_axes={name: {0: "n"} for name in dynamic})
    onnx.checker.check_model(onnx.load(str(path)))
