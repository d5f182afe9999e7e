"""MediaPipe's full-range face detector: picture of any size -> candidates in picture px."""

import torch
import torch.nn.functional as F
from face_graph.tflite_graph import TfliteGraph
from face_graph.tflite_onnx import nms

# Tensors of face_detection_full_range_sparse.tflite: 16 numbers and a logit for each 4 px cell.
REGRESSION, LOGIT = 576, 562
SIDE, CELL, TAPS = 192, 4, 3
# The second look: px of border, and the share of the letterbox from which a face is its business.
BORDER, CLOSE = 16, 0.2
# Dark pictures: px of the spot that must reach this light (0..255), and the gain that is the limit.
SPOT, LIGHT, MOST_GAIN = 12, 102, 8
# Candidates below this score are dropped; two overlapping by more than OVERLAP are one face.
LOW, OVERLAP = 0.3, 0.3


def size_of(image):
    """Height and width as float scalars that the exporter keeps as computed from the input."""
    return torch._shape_as_tensor(image)[:2].float().unbind(0)


def letterbox(image):
    """u8 [H,W,3] -> f32 [1,3,192,192], 0..255, the picture centered in a black square of side max(H,W).

    576 x 576 nearest samples, then the mean of 3 x 3: the cost does not depend on the picture's size.
    """
    height, width = size_of(image)
    square = torch.maximum(height, width)
    steps = (torch.arange(SIDE * TAPS) + .5) / (SIDE * TAPS) * square
    rows, row_share = nearest(steps, square, height)
    columns, column_share = nearest(steps, square, width)
    picked = image.index_select(0, rows).index_select(1, columns)
    mean = F.avg_pool2d(picked.permute(2, 0, 1)[None].float(), TAPS)
    return mean * row_share[:, None] * column_share, square


def nearest(steps, square, size):
    """Sample positions of the square -> pixel numbers within `size`, and the share of each mean's samples that lie inside."""
    at = torch.floor(steps - (square - size) / 2)
    inside = ((at >= 0) & (at < size)).float().reshape(SIDE, TAPS).mean(1)
    return torch.minimum(at.clamp_min(0), size - 1).long(), inside


def at_least_one(ranks, scores):
    """Ranks of which one is above 0: ONNX Runtime's blocked convolutions refuse an empty batch, so the nets always get a face."""
    best = torch.arange(scores.shape[0]) == scores.argmax()
    return torch.maximum(ranks, best * 1e-6)


def view(graph, picture, side, border, scale):
    """Runs the detector on a square picture f32 [1,3,side,side], 0..255.

    -> scores f32 [A], points f32 [A,8,2]: center, size and six key points, in px of the 192 px letterbox, `scale` of
    which go into a pixel here, behind a border of `border` px.
    """
    centers = (torch.arange(side // CELL) + .5) * CELL - border
    y, x = torch.meshgrid(centers, centers, indexing='ij')
    anchors = torch.stack([x, y], 2).reshape(-1, 1, 2)
    numbers, logits = graph(picture / 127.5 - 1, [REGRESSION, LOGIT])
    points = numbers.reshape(-1, 8, 2)
    points = torch.cat([points[:, :1] + anchors, points[:, 1:2], points[:, 2:] + anchors], 1)
    return logits.reshape(-1).sigmoid(), points * scale


def brightened(picture):
    """f32 [1,3,192,192], 0..255: a picture without a bright spot is lit up until it has one; others stay as they are."""
    spot = F.avg_pool2d(picture, SPOT).amax()
    return (picture * (LIGHT / spot.clamp_min(1)).clamp(1, MOST_GAIN)).clamp(max=255)


class Detector(torch.nn.Module):
    """`forward(image)` -> boxes f32 [K,4] px, scores f32 [K] > LOW, eyes f32 [K,2,2] px (right, left of the person), best first.

    Two looks at the letterbox: as it is, and at half size with the border drawn out. Faces that fill the picture score
    low in the first and well in the second, which is asked for those only.
    """

    def __init__(self, data, most):
        super().__init__()
        self.graph = TfliteGraph(data, [REGRESSION, LOGIT])
        self.most = most

    def forward(self, image):
        small, square = letterbox(image)
        small = brightened(small)
        scores, points = view(self.graph, small, SIDE, 0, 1)
        far = F.pad(F.avg_pool2d(small, 2), (BORDER,) * 4, mode='replicate')
        far_scores, far_points = view(self.graph, far, SIDE // 2 + 2 * BORDER, BORDER, 2)
        far_scores = far_scores * (far_points[:, 1, 0] > CLOSE * SIDE)
        scores, points = torch.cat([scores, far_scores]), torch.cat([points, far_points])

        center, size = points[:, 0], points[:, 1]
        boxes = torch.cat([center - size / 2, center + size / 2], 1)
        # Of the anchors on one face the wider box wins a near draw: it holds the whole face.
        ranks = scores * (1 + .5 / SIDE * size[:, 0]) * (scores > LOW)
        kept = nms(boxes, at_least_one(ranks, scores), self.most, OVERLAP)
        height, width = size_of(image)
        scale, shift = square / SIDE, (square - torch.stack([width, height])) / 2
        return boxes[kept] * scale - shift.repeat(2), scores[kept], points[kept, 2:4] * scale - shift
