"""onnxscript's optimizer, without what it does only for certain values of weights.

Its own list drops a bias of zeros and merges weights that happen to be equal. Then other weights would make another graph,
and one graph could not be filled with all of them.
"""

import onnx_ir
from onnx_ir.passes import PassManager, common
from onnxscript import rewriter
from onnxscript.optimizer import _constant_folding
from onnxscript.rewriter import MatchResult
from onnxscript.rewriter.rules.common import _remove_optional_bias

ROUNDS = 2
ANONYMOUS = 'val_'
"""How names begin that the exporter invents."""
MOST_BYTES = 1024


class RemoveInventedBias(_remove_optional_bias.RemoveOptionalBiasFromConv):
    """Removes the zeros that the exporter gives to convolutions without a bias, and no bias of a checkpoint."""

    def check(self, context: object, b: onnx_ir.Value, **rest: object) -> MatchResult:
        return super().check(context, b, **rest) if b.name.startswith(ANONYMOUS) else MatchResult().fail('It is a weight.')


RULES = [
    *(rule for rule in rewriter._DEFAULT_REWRITE_RULES if rule not in _remove_optional_bias.rules.rules), RemoveInventedBias.rule(),
]


def optimize(model: onnx_ir.Model) -> None:
    """@see onnxscript.optimizer.optimize_ir"""
    common.InlinePass()(model)
    folding = _constant_folding.FoldConstantsPass(
        shape_inference=True, input_size_limit=_constant_folding.DEFAULT_CONSTANT_FOLD_INPUT_SIZE_LIMIT,
        output_size_limit=_constant_folding.DEFAULT_CONSTANT_FOLD_OUTPUT_SIZE_LIMIT,
    )
    unused = common.RemoveUnusedNodesPass(), common.RemoveUnusedFunctionsPass(), common.RemoveUnusedOpsetsPass()
    PassManager([folding, rewriter.RewritePass(RULES), *unused], steps=ROUNDS, early_stop=True)(model)
    for step in (unused[0], common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)):
        step(model)
    share(model.graph)
    for step in (common.CommonSubexpressionEliminationPass(), common.OutputFixPass(), common.NameFixPass()):
        step(model)


def share(graph: onnx_ir.Graph) -> None:
    """Let constants that are equal be one. What has a name of its own is a weight, whatever it holds."""
    kept: dict[tuple, onnx_ir.Value] = {}
    for name, value in tuple(graph.initializers.items()):
        tensor = value.const_value
        if not name.startswith(ANONYMOUS) or tensor.nbytes > MOST_BYTES:
            continue
        first = kept.setdefault((tensor.dtype, tuple(tensor.shape), tensor.tobytes()), value)
        if first is not value:
            value.replace_all_uses_with(first)
            del graph.initializers[name]
