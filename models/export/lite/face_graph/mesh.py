"""MediaPipe's attention mesh: 192 px crop of a face -> 468 mesh points with the lips refined, and a face flag."""

import torch
import torch.nn.functional as F
from face_graph.tflite_graph import TfliteGraph

# Tensors of face_landmark_with_attention.tflite: mesh [1404], refined lips [80,2] in crop px, face flag (a logit).
MESH, LIPS, FLAG = 186, 711, 710
# The feature map the attention samples is 48 px wide and shows the 192 px crop.
MAP = 48


def lip_transform(inputs, options):
    """`Landmarks2TransformMatrix`: mesh points [N,468,3] on the feature map -> [N,4,4] that lays a 16x16 grid over the lips."""
    points = inputs[0][:, :, :2]
    left, right = points[:, options['left_rotation_idx']], points[:, options['right_rotation_idx']]
    along = right - left
    length = along.square().sum(1, keepdim=True).sqrt().clamp_min(1e-6)
    cos, sin = (along / length).split(1, 1)
    x, y = points[:, options['subset_idxs']].unbind(2)
    # The lips turned level: their box there is the tight one.
    level = torch.stack([cos * x + sin * y, cos * y - sin * x], 2)
    low, high = level.amin(1), level.amax(1)
    (cx, cy), (width, height) = ((low + high) / 2).split(1, 1), (high - low).split(1, 1)
    sx = width * (options['scale_x'] / options['output_width'])
    sy = height * (options['scale_y'] / options['output_height'])
    half_x, half_y = options['output_width'] / 2, options['output_height'] / 2
    zero = torch.zeros_like(cx)
    return torch.stack([
        torch.cat([cos * sx, -sin * sy, zero, cos * cx - sin * cy - cos * sx * half_x + sin * sy * half_y], 1),
        torch.cat([sin * sx, cos * sy, zero, sin * cx + cos * cy - sin * sx * half_x - cos * sy * half_y], 1),
        torch.cat([zero, zero, zero + 1, zero], 1),
        torch.cat([zero, zero, zero, zero + 1], 1),
    ], 1)


def sample_map(inputs, options):
    """`TransformTensorBilinear`: the feature map [N,C,48,48] at the pixel centers of the grid, zero outside."""
    features, matrix = inputs
    height, width = options['output_height'], options['output_width']
    y, x = torch.meshgrid(torch.arange(height) + .5, torch.arange(width) + .5, indexing='ij')
    grid = torch.stack([x, y], 2).reshape(1, -1, 2)
    at = place(grid, matrix).reshape(-1, height, width, 2)
    return F.grid_sample(features, at * (2 / MAP) - 1, mode='bilinear', padding_mode='zeros', align_corners=False)


def place(points, matrix):
    """Points [N,P,2] through the x and y rows of [N,4,4]."""
    return torch.matmul(points, matrix[:, :2, :2].transpose(1, 2)) + matrix[:, None, :2, 3]


def to_crop(inputs, options):
    """`TransformLandmarks`: lip points [N,80,2] of the 16x16 grid -> crop px."""
    return place(*inputs)


class Mesh(torch.nn.Module):
    """`forward(crop, lips)`: crop f32 [N,3,192,192] RGB 0..1 -> points f32 [N,468,2] in crop px (0..192), flag f32 [N] 0..1.

    Without `lips` they stay as coarse as the rest of the mesh, for less work.
    """

    def __init__(self, data):
        super().__init__()
        self.graph = TfliteGraph(data, [MESH, FLAG, LIPS], {
            'Landmarks2TransformMatrix': lip_transform,
            'TransformTensorBilinear': sample_map,
            'TransformLandmarks': to_crop,
        })
        lips = next(extra['subset_idxs'] for name, _, _, _, extra in self.graph.steps if name == 'Landmarks2TransformMatrix')
        # Row of [mesh; lips] that holds each point: its refined place where there is one.
        self.rows = torch.arange(468)
        self.rows[lips] = 468 + torch.arange(len(lips))

    def forward(self, crop, lips):
        mesh, flag, *refined = self.graph(crop, [MESH, FLAG, LIPS] if lips else [MESH, FLAG])
        points = mesh.reshape(-1, 468, 3)[:, :, :2]
        if lips:
            points = torch.cat([points, *refined], 1).index_select(1, self.rows)
        return points, flag.reshape(-1).sigmoid()
