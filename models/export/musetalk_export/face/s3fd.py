"""S3FD, the face detector: the network with the official file's names, and its best box.

Greedy suppression never removes the highest score, and only that box is used, so the best of all priors is the answer.

@see face-alignment face_alignment/detection/sfd
"""

import itertools

import torch
from torch import nn
from torch.nn import functional as F

MEAN = (104.0, 117.0, 123.0)
"""Taken from R, G, B in this order. They are means of B, G, R, but this is what the reference subtracts from what."""
VARIANCES = (0.1, 0.2)
STRIDES = (4, 8, 16, 32, 64, 128)
PRIOR = 4
"""Side of a prior in strides."""
VGG = ((3, 64, 64), (64, 128, 128), (128, 256, 256, 256), (256, 512, 512, 512), (512, 512, 512, 512))
HEADS = (('conv3_3_norm', 256), ('conv4_3_norm', 512), ('conv5_3_norm', 512), ('fc7', 1024), ('conv6_2', 512), ('conv7_2', 256))


class L2Norm(nn.Module):
    """Scales the channels of every position to length 1, then each by its weight."""

    def __init__(self, channels: int):
        super().__init__()
        # Never left uninitialised: random memory may hold NaN.
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10) * self.weight[:, None, None]


class S3fd(nn.Module):
    """pixels f32 [1,3,H,W] RGB 0..255 -> box f32 [4] (x1, y1, x2, y2 px), score f32 [1] 0..1, then the 12 maps.

    The maps are class and regression at six strides, before softmax: [1,2,h,w], [1,4,h,w]. From stride 32 on they are
    larger than H / stride, since fc6 pads by 3; priors count from the first cell all the same.
    """

    def __init__(self) -> None:
        super().__init__()
        for block, widths in enumerate(VGG, 1):
            for layer, (before, after) in enumerate(itertools.pairwise(widths), 1):
                self.add_module(f'conv{block}_{layer}', nn.Conv2d(before, after, 3, padding=1))
        self.fc6 = nn.Conv2d(512, 1024, 3, padding=3)
        self.fc7 = nn.Conv2d(1024, 1024, 1)
        self.conv6_1, self.conv6_2 = nn.Conv2d(1024, 256, 1), nn.Conv2d(256, 512, 3, stride=2, padding=1)
        self.conv7_1, self.conv7_2 = nn.Conv2d(512, 128, 1), nn.Conv2d(128, 256, 3, stride=2, padding=1)
        for name, channels in HEADS[:3]:
            self.add_module(name, L2Norm(channels))
        for level, (name, channels) in enumerate(HEADS):
            self.add_module(f'{name}_mbox_conf', nn.Conv2d(channels, 2 if level else 4, 3, padding=1))
            self.add_module(f'{name}_mbox_loc', nn.Conv2d(channels, 4, 3, padding=1))
        self.register_buffer('mean', torch.tensor(MEAN)[:, None, None], persistent=False)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        maps = self.maps(self.features(pixels - self.mean))
        return (*best(maps), *maps)

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        seen = []
        for block, widths in enumerate(VGG, 1):
            for layer in range(1, len(widths)):
                x = F.relu(self.get_submodule(f'conv{block}_{layer}')(x))
            if block >= 3:
                seen.append(self.get_submodule(f'conv{block}_3_norm')(x))
            x = F.max_pool2d(x, 2)
        for first, second in (('fc6', 'fc7'), ('conv6_1', 'conv6_2'), ('conv7_1', 'conv7_2')):
            x = F.relu(self.get_submodule(second)(F.relu(self.get_submodule(first)(x))))
            seen.append(x)
        return seen

    def maps(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        maps = []
        for level, ((name, _), x) in enumerate(zip(HEADS, features)):
            classes = self.get_submodule(f'{name}_mbox_conf')(x)
            if level == 0:
                # Three kinds of background and the face: the likeliest background counts.
                classes = torch.cat([classes[:, :3].amax(1, keepdim=True), classes[:, 3:]], 1)
            maps += [classes, self.get_submodule(f'{name}_mbox_loc')(x)]
        return maps


def best(maps: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """The likeliest box [4], decoded, and its score [1]."""
    margins, moves, priors = [], [], []
    for stride, classes, regression in zip(STRIDES, maps[::2], maps[1::2]):
        margins.append((classes[0, 1] - classes[0, 0]).flatten())
        moves.append(regression[0].flatten(1))
        rows, columns = classes.shape[2:]
        y = (torch.arange(rows) * stride + stride // 2).float()[:, None].expand(rows, columns)
        x = (torch.arange(columns) * stride + stride // 2).float()[None, :].expand(rows, columns)
        priors.append(torch.stack([x, y, torch.full_like(x, PRIOR * stride)]).flatten(1))
    margin = torch.cat(margins)
    at = margin.argmax().reshape(1)
    move = torch.cat(moves, 1).index_select(1, at)[:, 0]
    prior = torch.cat(priors, 1).index_select(1, at)[:, 0]
    centre = prior[:2] + move[:2] * VARIANCES[0] * prior[2]
    extent = prior[2] * torch.exp(move[2:] * VARIANCES[1])
    corner = centre - extent / 2
    # Softmax of two classes is the sigmoid of their difference.
    return torch.cat([corner, corner + extent]), torch.sigmoid(margin.index_select(0, at))
