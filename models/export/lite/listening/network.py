"""The listen network: log-mel front end, normalization, residual convolutions, two heads.

100 Hz frames of 64 mel bands in, one row of 8 mouth parameters per 20 ms out.
"""

import numpy as np
import torch
from speech.phones import CLASSES, PARAMETERS
from torch import nn
from torch.nn import functional as F

RATE, HOP, WINDOW, BANDS = 16000, 160, 400, 64
FLOOR = 1e-8  # added to the mel power (full scale 1, unnormalized DFT)
_DILATIONS = (1, 2, 4, 8, 1, 2, 4, 8)


def mel_filters():
    """f32 [64, 201]: HTK mel triangles from 60 to 7600 Hz, every row sums to 1."""
    mel = lambda hz: 2595 * np.log10(1 + hz / 700)
    edges = 700 * (10 ** (np.linspace(mel(60), mel(7600), BANDS + 2) / 2595) - 1)
    hz = np.arange(WINDOW // 2 + 1) * RATE / WINDOW
    low, mid, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rows = np.maximum(0, np.minimum((hz - low) / (mid - low), (high - hz) / (high - mid)))
    # the lowest triangles may fall between two bins: give them the nearest one
    for row, center in zip(rows, edges[1:-1]):
        if row.sum() == 0:
            row[np.argmin(np.abs(hz - center))] = 1
    return (rows / rows.sum(1, keepdims=True)).astype(np.float32)


def log_mel(pcm):
    """numpy f32 [..., n] -> f32 [..., n / 160, 64], the same numbers as `FrontEnd`."""
    padded = np.pad(pcm, [(0, 0)] * (pcm.ndim - 1) + [(WINDOW // 2, WINDOW // 2)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, -1)[..., ::HOP, :][..., : pcm.shape[-1] // HOP, :]
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(frames * window)))
    return np.log(power @ mel_filters().T + FLOOR).astype(np.float32)


class FrontEnd(nn.Module):
    """PCM f32 [B, n] -> log mel [B, 64, n / 160]; the DFT is a convolution so that ONNX can hold it."""

    def __init__(self):
        super().__init__()
        n, k = np.arange(WINDOW), np.arange(WINDOW // 2 + 1)[:, None]
        window = np.hanning(WINDOW + 1)[:-1]
        table = np.concatenate([np.cos(2 * np.pi * k * n / WINDOW), np.sin(2 * np.pi * k * n / WINDOW)]) * window
        self.register_buffer("dft", torch.tensor(table[:, None], dtype=torch.float32))
        self.register_buffer("mel", torch.tensor(mel_filters()[:, :, None]))

    def forward(self, pcm):
        half = WINDOW // 2
        spectrum = F.conv1d(F.pad(pcm[:, None], (half, half)), self.dft, stride=HOP)[..., : pcm.shape[-1] // HOP]
        power = spectrum[:, : half + 1] ** 2 + spectrum[:, half + 1 :] ** 2
        return torch.log(F.conv1d(power, self.mel) + FLOOR)


def normalize(mel):
    """log mel [B, 64, T] -> about -2.8..2: minus the mean of every band over the loud frames.

    Frames count by a sigmoid of their level under the loudest one, so padding, pauses and a quiet
    start have no say; digital silence and faint noise are held down by the lower limit of the mean.
    """
    level = F.avg_pool1d(F.pad(mel.mean(1, keepdim=True), (2, 2), mode="replicate"), 5, 1)
    weight = torch.sigmoid(1.5 * (level - level.amax(2, keepdim=True) + 4))
    mean = (mel * weight).sum(2, keepdim=True) / weight.sum(2, keepdim=True)
    return (mel - mean.clamp(min=-11)).clamp(-7, 5) / 2.5


class Block(nn.Module):
    def __init__(self, width, wide, dilation):
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation, groups=width)
        self.norm = nn.BatchNorm1d(width)
        self.up = nn.Conv1d(width, wide, 1)
        self.down = nn.Conv1d(wide, width, 1)

    def forward(self, x):
        return x + self.down(F.gelu(self.up(self.norm(self.depthwise(x)))))


class Listen(nn.Module):
    """Normalized mel [B, 64, T] -> (parameters [B, T / 2, 8], class logits [B, T / 2, 28])."""

    def __init__(self, width=144, wide=288, dilations=_DILATIONS):
        super().__init__()
        self.stem = nn.Conv1d(BANDS, width, 5, stride=2, padding=2)
        self.blocks = nn.Sequential(*(Block(width, wide, d) for d in dilations))
        self.norm = nn.BatchNorm1d(width)
        self.parameters_head = nn.Conv1d(width, len(PARAMETERS), 1)
        self.classes_head = nn.Conv1d(width, len(CLASSES), 1)

    def forward(self, x):
        x = self.norm(self.blocks(F.gelu(self.stem(x))))
        return self.parameters_head(x).transpose(1, 2), self.classes_head(x).transpose(1, 2)
