"""RTMPose-l for 133 whole-body points, 384x288: DWPose's network, with the names of mmpose's checkpoint.

@see mmdet CSPNeXt, mmpose RTMCCHead (1.1.0)
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

HEIGHT, WIDTH, POINTS = 384, 288, 133
BINS_PER_PX = 2
STAGES = ((64, 128, 3), (128, 256, 6), (256, 512, 6), (512, 1024, 3))
"""Channels in, out, and blocks."""
POOLS = (5, 9, 13)
TOKENS, HIDDEN, KEYS, VALUES = 108, 256, 128, 512
"""Cells of the last feature map; the gated attention unit's widths."""


class ConvModule(nn.Module):
    """Convolution that keeps the size (but for the stride), normalisation, SiLU. The eps is 1e-5, not CSPNeXt's default."""

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=1e-5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.silu(self.bn(self.conv(x)))


class Separable(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.depthwise_conv = ConvModule(channels, channels, 5, groups=channels)
        self.pointwise_conv = ConvModule(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pointwise_conv(self.depthwise_conv(x))


class Block(nn.Module):
    def __init__(self, channels: int, shortcut: bool):
        super().__init__()
        self.conv1, self.conv2, self.shortcut = ConvModule(channels, channels, 3), Separable(channels), shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv2(self.conv1(x))
        return x + y if self.shortcut else y


class ChannelAttention(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.fc = nn.Conv2d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Hard sigmoid: x / 6 + 0.5, cut to 0..1.
        return x * F.hardsigmoid(self.fc(x.mean((2, 3), keepdim=True)))


class CspLayer(nn.Module):
    def __init__(self, channels: int, blocks: int, shortcut: bool):
        super().__init__()
        half = channels // 2
        self.main_conv, self.short_conv = ConvModule(channels, half, 1), ConvModule(channels, half, 1)
        self.blocks = nn.Sequential(*(Block(half, shortcut) for _ in range(blocks)))
        self.attention, self.final_conv = ChannelAttention(channels), ConvModule(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.final_conv(self.attention(torch.cat([self.blocks(self.main_conv(x)), self.short_conv(x)], 1)))


class Pools(nn.Module):
    """Spatial pyramid: the picture beside its maxima over three neighborhoods."""

    def __init__(self, channels: int):
        super().__init__()
        half = channels // 2
        self.conv1, self.conv2 = ConvModule(channels, half, 1), ConvModule(4 * half, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv1(x)
        return self.conv2(torch.cat([x, *(F.max_pool2d(x, side, 1, side // 2) for side in POOLS)], 1))


class Backbone(nn.Module):
    """f32 [N,3,384,288] -> f32 [N,1024,12,9]."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(ConvModule(3, 32, 3, 2), ConvModule(32, 32, 3), ConvModule(32, 64, 3))
        for number, (before, after, blocks) in enumerate(STAGES, 1):
            last = number == len(STAGES)
            parts = [ConvModule(before, after, 3, 2), CspLayer(after, blocks, shortcut=not last)]
            self.add_module(f'stage{number}', nn.Sequential(*(parts[:1] + [Pools(after)] * last + parts[1:])))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for number in range(1, len(STAGES) + 1):
            x = self.get_submodule(f'stage{number}')(x)
        return x


class ScaleNorm(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.g, self.scale = nn.Parameter(torch.ones(1)), width**-0.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        length = x.square().sum(-1, keepdim=True).sqrt() * self.scale
        return x / length.clamp(min=1e-5) * self.g


class Scale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(HIDDEN))


class Gau(nn.Module):
    """Gated attention of the points among themselves: f32 [N,133,256] -> the same shape."""

    def __init__(self) -> None:
        super().__init__()
        self.ln, self.res_scale = ScaleNorm(HIDDEN), Scale()
        self.uv, self.o = nn.Linear(HIDDEN, 2 * VALUES + KEYS, bias=False), nn.Linear(VALUES, HIDDEN, bias=False)
        self.gamma, self.beta = nn.Parameter(torch.ones(2, KEYS)), nn.Parameter(torch.zeros(2, KEYS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate, value, base = F.silu(self.uv(self.ln(x))).split([VALUES, VALUES, KEYS], -1)
        # Both at once, so that the weights go into the graph whole.
        query, key = (base[..., None, :] * self.gamma + self.beta).unbind(-2)
        weight = F.relu(query @ key.transpose(1, 2) / math.sqrt(KEYS)).square()
        return x * self.res_scale.scale + self.o(gate * (weight @ value))


class Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.final_layer = nn.Conv2d(1024, POINTS, 7, padding=3)
        self.mlp = nn.Sequential(ScaleNorm(TOKENS), nn.Linear(TOKENS, HIDDEN, bias=False))
        self.gau = Gau()
        self.cls_x = nn.Linear(HIDDEN, BINS_PER_PX * WIDTH, bias=False)
        self.cls_y = nn.Linear(HIDDEN, BINS_PER_PX * HEIGHT, bias=False)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.gau(self.mlp(self.final_layer(x).flatten(2)))
        return self.cls_x(x), self.cls_y(x)


class RtmPose(nn.Module):
    """Normalised RGB f32 [N,3,384,288] -> logits of the half pixels, x f32 [N,133,576] and y f32 [N,133,768]."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.head = Backbone(), Head()

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.head(self.backbone(picture))
