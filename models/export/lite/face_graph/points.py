"""MediaPipe's 468 mesh points -> the 68 points of iBUG."""

import torch

# One mesh point, or two whose mean it is, for each of the 68.
JAW = [127, 234, 93, (132, 58), (58, 172), 136, 150, 176, 152, 400, 379, 365, (397, 288), (288, 361), 323, 454, 356]
BROWS = [70, 63, 105, 66, 107, 336, 296, 334, 293, 300]
NOSE = [168, (6, 197), (195, 5), 4, 75, 97, 2, 326, 305]
EYES = [33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380]
# Of the mesh's ten points between the corners those are taken through which `encode`'s curves come nearest to all of them.
OUTER_LIP = [61, 39, 37, 0, 267, 269, 291, 321, (314, 405), 17, (84, 181), 91]
INNER_LIP = [78, 80, 13, 310, 308, 318, 14, 88]
POINTS = JAW + BROWS + NOSE + EYES + OUTER_LIP + INNER_LIP

PAIRS = torch.tensor([point if isinstance(point, tuple) else (point, point) for point in POINTS])


def from_mesh(mesh):
    """f32 [K,468,2] -> f32 [K,68,2]."""
    return (mesh.index_select(1, PAIRS[:, 0]) + mesh.index_select(1, PAIRS[:, 1])) / 2
