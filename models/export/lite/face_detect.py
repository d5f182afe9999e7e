"""MediaPipe's full-range face detector: picture of any size -> candidates in picture px."""

import torch
import torch.nn.functional as F

from tflite_graph import TfliteGraph
from tflite_onnx import nms

# Tensors of face_detection_full_range_sparse.tflite: 16 numbers and a logit for each of the 48 x 48 anchors.
REGRESSION, LOGIT = 576, 562
SIDE, CELLS, TAPS = 192, 48, 3
# Candidates below this score are dropped; two overlapping by more than OVERLAP are one face.
LOW, OVERLAP = 0.3, 0.3


def size_of(image):
    """Height and width as float scalars that the exporter keeps as computed from the input."""
    return torch._shape_as_tensor(image)[:2].float().unbind(0)


def letterbox(image):
    """u8 [H,W,3] -> f32 [1,3,192,192], 0..255, the picture centred in a black square of side max(H,W).

    576 x 576 nearest samples, then the mean of 3 x 3: the cost does not depend on the picture's size.
    """
    height, width = size_of(image)
    square = torch.maximum(height, width)
    steps = (torch.arange(SIDE * TAPS) + .5) / (SIDE * TAPS) * square
    rows, row_inside = nearest(steps, square, height)
    columns, column_inside = nearest(steps, square, width)
    picked = image.index_select(0, rows).index_select(1, columns).float()
    picked = picked * (row_inside[:, None] * column_inside[None, :])[:, :, None]
    return F.avg_pool2d(picked.permute(2, 0, 1)[None], TAPS), square


def nearest(steps, square, size):
    """Sample positions of the square -> pixel numbers within `size`, and 1 where the sample lies inside."""
    at = torch.floor(steps - (square - size) / 2)
    inside = ((at >= 0) & (at < size)).float()
    return torch.minimum(at.clamp_min(0), size - 1).long(), inside


def at_least_one(ranks, scores):
    """Ranks of which one is above 0: ONNX Runtime's blocked convolutions refuse an empty batch, so the nets always get a face."""
    best = torch.arange(scores.shape[0]) == scores.argmax()
    return torch.maximum(ranks, best * 1e-6)


class Detector(torch.nn.Module):
    """`forward(image)` -> boxes f32 [K,4] px, scores f32 [K] > LOW, eyes f32 [K,2,2] px (right, left of the person), best first."""

    def __init__(self, data, most):
        super().__init__()
        self.graph = TfliteGraph(data, [REGRESSION, LOGIT])
        self.most = most
        centres = (torch.arange(CELLS) + .5) / CELLS
        y, x = torch.meshgrid(centres, centres, indexing='ij')
        self.anchors = torch.stack([x, y], 2).reshape(-1, 1, 2)

    def forward(self, image):
        small, square = letterbox(image)
        numbers, logits = self.graph(small / 127.5 - 1)
        scores = logits.reshape(-1).sigmoid()
        # Eight (x, y) pairs: centre, size, six key points.
        pairs = numbers.reshape(-1, 8, 2) / SIDE
        centre, size = pairs[:, 0] + self.anchors[:, 0], pairs[:, 1]
        boxes = torch.cat([centre - size / 2, centre + size / 2], 1)
        # Of the anchors on one face the wider box wins a near draw: it holds the whole face.
        ranks = scores * (1 + .5 * size[:, 0]) * (scores > LOW)
        kept = nms(boxes, at_least_one(ranks, scores), self.most, OVERLAP)
        height, width = size_of(image)
        shift = (square - torch.stack([width, height])) / 2
        eyes = (pairs[:, 2:4] + self.anchors)[kept] * square - shift
        return boxes[kept] * square - shift.repeat(2), scores[kept], eyes
