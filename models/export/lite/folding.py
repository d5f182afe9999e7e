"""Does once, when a graph is exported, what ONNX Runtime would do whenever it is loaded."""

import tempfile
from pathlib import Path

import onnx
import onnxruntime as ort
from face_graph.tflite_store import store_halves


def fold(file: Path) -> None:
    """Folds constants and drops what does nothing, by ONNX Runtime's own portable rules: operators of the standard remain.

    Where the graph tells it, every tensor gets its shape, with a name for what is open: to find memory that can be used again,
    ONNX Runtime compares each tensor with all that are free, and dimensions without a name equal nothing, so nothing
    is ever found and the list grows.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        folded = Path(folder) / file.name
        options.optimized_model_filepath = str(folded)
        ort.InferenceSession(str(file), options, providers=['CPUExecutionProvider'])
        model = onnx.load(folded)
    standard = [used for used in model.opset_import if used.domain == '']
    del model.opset_import[:]
    model.opset_import.extend(standard)
    model = store_halves(onnx.shape_inference.infer_shapes(model))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, file)
