#!/usr/bin/env python3
"""Write one small set of tensors in every format that a checkpoint may have, and what they are.

    python make_formats.py --out ../formats

Needs torch, numpy, onnx and safetensors. `expected.json`: formats[file][name] = [dtype, shape, base64 of the row-major
little-endian bytes]. The torch files hold views, tied weights, every element type, and an mmpose-like wrapper
with notes of classes that exist nowhere else.
"""
import argparse
import base64
import json
import sys
import types
from collections import OrderedDict
from pathlib import Path

import numpy as np
import onnx
import safetensors.torch
import torch
from onnx import TensorProto, helper, numpy_helper


def tensors() -> OrderedDict:
    torch.manual_seed(7)
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))
    made = OrderedDict(net.state_dict())
    made._metadata = net.state_dict()._metadata
    whole = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    made["parameter"] = torch.nn.Parameter(torch.tensor([1.5, -2.5]))
    made["transposed"] = whole.permute(2, 0, 1)
    made["sliced"] = whole[1, 1:, 1:3]
    made["channels_last"] = torch.arange(48, dtype=torch.float16).reshape(2, 3, 2, 4).to(memory_format=torch.channels_last)
    made["expanded"] = torch.tensor([[3.0], [4.0]]).expand(2, 3)
    made["tied"] = made["parameter"].detach()
    made["scalar"] = torch.tensor(2.5, dtype=torch.float64)
    made["empty"] = torch.zeros(0, 3)
    for kind in ("bfloat16", "float16", "float32", "float64", "int64", "int32", "int16", "int8", "uint8"):
        made[f"kinds.{kind}"] = torch.tensor([1, 2, 100], dtype=getattr(torch, kind))
    made["kinds.bool"] = torch.tensor([True, False, True])
    return made


def notes() -> dict:
    """What mmpose keeps beside the weights: objects of its own classes, arrays, a code object's name."""
    module = types.ModuleType("somewhere.history")
    module.Buffer = type("Buffer", (), {"__module__": "somewhere.history"})
    sys.modules["somewhere"], sys.modules["somewhere.history"] = types.ModuleType("somewhere"), module
    buffer = module.Buffer()
    buffer.values, buffer.names = np.arange(5.0), {"a", "b"}
    return {"meta": {"epoch": 3, "cfg": "x = 1\n" * 1000, "big": 2**100, "raw": b"\0\1"}, "hub": {"loss": buffer}, "rank": -1, "rate": 0.5}


def described(items: dict) -> dict:
    def one(tensor: torch.Tensor) -> list:
        dense = tensor.detach().contiguous()
        raw = dense.view(torch.uint8) if dense.dim() else dense.reshape(1).view(torch.uint8)
        return [str(tensor.dtype).removeprefix("torch."), list(tensor.shape), base64.b64encode(raw.numpy().tobytes()).decode()]

    return {name: one(tensor) for name, tensor in items.items()}


def onnx_graph() -> tuple[onnx.ModelProto, dict]:
    values = {
        "raw": np.arange(6, dtype=np.float32).reshape(2, 3),
        "floats": np.array([0.5, -1.5], np.float32),
        "doubles": np.array([0.25], np.float64),
        "longs": np.array([-1, 2**40, 7], np.int64),
        "halves": np.array([1.5, -0.25], np.float16),
        "bytes": np.array([0, 200], np.uint8),
        "scalar": np.array(3.0, np.float32),
    }
    stored = [numpy_helper.from_array(values["raw"], "raw"), numpy_helper.from_array(values["scalar"], "scalar")]
    stored.append(helper.make_tensor("floats", TensorProto.FLOAT, [2], values["floats"]))
    stored.append(helper.make_tensor("doubles", TensorProto.DOUBLE, [1], values["doubles"]))
    stored.append(helper.make_tensor("longs", TensorProto.INT64, [3], values["longs"]))
    stored.append(helper.make_tensor("halves", TensorProto.FLOAT16, [2], values["halves"]))
    stored.append(helper.make_tensor("bytes", TensorProto.UINT8, [2], values["bytes"]))
    node = helper.make_node("Identity", ["raw"], ["out"])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [2, 3])
    model = helper.make_model(helper.make_graph([node], "graph", [], [out], stored))
    return model, {name: [value.dtype.name, list(value.shape), base64.b64encode(value.tobytes()).decode()] for name, value in values.items()}


def main() -> None:
    p = argparse.ArgumentParser()
    p.add_argument("--out", type=Path, required=True)
    out = p.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    made = tensors()
    expected = {}
    for name, zipped in (("zip.pth", True), ("legacy.pth", False)):
        torch.save({**notes(), "state_dict": made}, out / name, _use_new_zipfile_serialization=zipped)
        expected[name] = described(made)
    plain = {name: tensor.detach().contiguous().clone() for name, tensor in made.items()}
    safetensors.torch.save_file(plain, out / "plain.safetensors", {"format": "pt"})
    expected["plain.safetensors"] = described(plain)
    model, expected["graph.onnx"] = onnx_graph()
    onnx.save(model, out / "graph.onnx")
    for name in ("protocol-4.pth", "bare.pth"):
        torch.save({"a": torch.ones(2)}, out / name, pickle_protocol=4 if "4" in name else 2)
        expected[name] = described({"a": torch.ones(2)})
    rows = ",\n".join(f'"{file}": {{\n' + ",\n".join(f' "{k}": {json.dumps(v)}' for k, v in items.items()) + "\n}" for file, items in expected.items())
    (out / "expected.json").write_text("{\n" + rows + "\n}\n")


if __name__ == "__main__":
    main()
