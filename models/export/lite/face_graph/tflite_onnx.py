"""Torch calls that torch.onnx would export as a dozen shape operators each, exported as the one operator they are.

Every class computes with torch in `forward` and names its ONNX operator in `symbolic`.
"""

import torch
import torch.nn.functional as F


class Conv(torch.autograd.Function):
    """Convolution with a padding of its own on each side, which torch lacks and ONNX has."""

    @staticmethod
    def forward(ctx, x, w, b, stride, pads, groups):
        top, left, bottom, right = pads
        return F.conv2d(F.pad(x, (left, right, top, bottom)), w, b, stride, 0, 1, groups)

    @staticmethod
    def symbolic(g, x, w, b, stride, pads, groups):
        return g.op('Conv', x, w, b, strides_i=list(stride), pads_i=list(pads), group_i=groups)


class MaxPool(torch.autograd.Function):
    """Max pooling, outside counted as minus infinity."""

    @staticmethod
    def forward(ctx, x, kernel, stride, pads):
        top, left, bottom, right = pads
        return F.max_pool2d(F.pad(x, (left, right, top, bottom), value=float('-inf')), kernel, stride)

    @staticmethod
    def symbolic(g, x, kernel, stride, pads):
        return g.op('MaxPool', x, kernel_shape_i=list(kernel), strides_i=list(stride), pads_i=list(pads))


class Pad(torch.autograd.Function):
    """Zeros before and after along N, C, H, W; `before` and `after` count them."""

    @staticmethod
    def forward(ctx, x, before, after):
        return F.pad(x, [n for pair in zip(before[::-1], after[::-1]) for n in pair])

    @staticmethod
    def symbolic(g, x, before, after):
        return g.op('Pad', x, g.op('Constant', value_t=torch.tensor([*before, *after])))


class DepthToSpace(torch.autograd.Function):
    """TensorFlow's order of the channels: (row, column, depth); torch's pixel_shuffle takes the depth first."""

    @staticmethod
    def forward(ctx, x, block):
        n, _channels, height, width = x.shape
        x = x.reshape(n, block, block, -1, height, width)
        return x.permute(0, 3, 4, 1, 5, 2).reshape(n, -1, height * block, width * block)

    @staticmethod
    def symbolic(g, x, block):
        return g.op('DepthToSpace', x, blocksize_i=block, mode_s='DCR')


class Nms(torch.autograd.Function):
    """Non-maximum suppression of boxes [K,4] (x1,y1,x2,y2) by ranks [K] > 0: row numbers [M] of those kept, best first.

    ONNX NonMaxSuppression; the torch side is the plain greedy loop.
    """

    @staticmethod
    def forward(ctx, boxes, ranks, most, overlap):
        kept = []
        for i in torch.argsort(ranks, descending=True, stable=True).tolist():
            if ranks[i] > 0 and len(kept) < most and all(iou(boxes[i], boxes[j]) <= overlap for j in kept):
                kept.append(i)
        return torch.tensor(kept, dtype=torch.int64)

    @staticmethod
    def symbolic(g, boxes, ranks, most, overlap):
        constant = lambda value: g.op('Constant', value_t=torch.tensor(value))
        picked = g.op(
            'NonMaxSuppression',
            g.op('Unsqueeze', boxes, constant([0])),
            g.op('Unsqueeze', ranks, constant([0, 1])),
            constant([most]), constant([float(overlap)]), constant([0.0]),
        )
        return g.op('Gather', picked, constant(2), axis_i=1)


def iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    inner = max(width, 0) * max(height, 0)
    return inner / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inner)


conv, max_pool, pad = Conv.apply, MaxPool.apply, Pad.apply
depth_to_space, nms = DepthToSpace.apply, Nms.apply
