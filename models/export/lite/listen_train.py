"""Train the listen network on cached clips: one thread, bfloat16 products, exponential mean of weights."""

import copy
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from listen_clips import clips
from listen_network import BANDS, Listen, normalise

BATCH = 12


@dataclass(frozen=True)
class Stage:
    clips: tuple  # kind, count, seed of listen_clips.clips
    steps: int
    peak: float  # learning rate
    narrow: float  # share of clips without the upper bands
    weight: tuple  # per parameter
    tuck: float  # extra weight where the lip is tucked
    phones: float  # weight of the phone classes


STAGES = [
    Stage(("first", 9000, 1), 3000, 2.5e-3, 0.2, (2, 1.5, 1.2, 2, 3, 2, 1, 1), 1.5, 0.1),
    Stage(("second", 10000, 2), 3500, 1.5e-3, 0.08, (2, 1.5, 1.2, 2, 3, 2.5, 1.2, 1), 2.0, 0.15),
]
_OPEN, _WIDE, _ROUND, _PRESS, _TUCK = 0, 2, 3, 4, 5


def _warps():
    """f32 [21, 64, 64]: log mel -> log mel of a vocal tract .82 to 1.22 times as long."""
    mel = np.linspace(2595 * np.log10(1 + 60 / 700), 2595 * np.log10(1 + 7600 / 700), BANDS + 2)[1:-1]
    hz = 700 * (10 ** (mel / 2595) - 1)
    out = np.zeros((21, BANDS, BANDS), np.float32)
    for m, factor in zip(out, np.geomspace(0.82, 1.22, 21)):
        at = np.clip(np.interp(hz * factor, hz, np.arange(BANDS)), 0, BANDS - 1.001)
        low = at.astype(int)
        m[np.arange(BANDS), low] = 1 - (at - low)
        m[np.arange(BANDS), low + 1] = at - low
    return torch.tensor(out)


_WARPS = _warps()


def augment(mel, generator, narrow):
    """Log mel [B, 64, T] -> the same with another vocal tract, frequency response, noise and band limit."""
    uniform = lambda *shape, a=0.0, b=1.0: torch.rand(*shape, generator=generator) * (b - a) + a
    count = len(mel)
    mel = _WARPS[torch.randint(0, 21, (count,), generator=generator)] @ mel
    curve = F.interpolate(uniform(count, 1, 6, a=-1.5, b=1.5), size=BANDS, mode="linear", align_corners=True)
    mel = mel + curve.transpose(1, 2)
    level = mel.mean(1).amax(1)[:, None, None]
    noise = level - uniform(count, 1, 1, a=2, b=9) + uniform(count, 1, 1, a=-1.5, b=1.5) * torch.linspace(-1, 1, BANDS)[:, None]
    ripple = torch.log((-torch.log(uniform(*mel.shape, a=1e-4, b=1))).clamp(min=1e-3)) * 0.6
    mel = torch.where(uniform(count, 1, 1) < 0.35, torch.logaddexp(mel, noise + ripple), mel)
    band = torch.arange(BANDS)[:, None]
    edge = torch.where(uniform(count, 1, 1) < narrow, uniform(count, 1, 1, a=40, b=60), torch.full((count, 1, 1), 99.0))
    return torch.where(band > edge, mel.amin((1, 2), keepdim=True), mel)


def _after(x, generator):
    """Normalised mel -> contrast .85 to 1.2, two masks of up to 6 bands."""
    count = len(x)
    x = x * (0.85 + 0.35 * torch.rand(count, 1, 1, generator=generator))
    band = torch.arange(BANDS)[:, None]
    for _ in range(2):
        first = torch.randint(0, BANDS, (count, 1, 1), generator=generator)
        width = torch.randint(0, 7, (count, 1, 1), generator=generator)
        x = torch.where((band >= first) & (band < first + width), torch.zeros(()), x)
    return x


def loss_of(out, logits, target, label, stage):
    """Weighted squared error of values and of their changes, plus the phone classes."""
    extra = torch.ones_like(target)
    pressed = target[..., _PRESS] > 0.5
    extra[..., _OPEN] += 3.0 * pressed
    extra[..., _PRESS] += 3.0 * pressed
    extra[..., _TUCK] += stage.tuck * (target[..., _TUCK] > 0.5)
    rounded = 1.0 * (target[..., _ROUND] > 0.5)
    extra[..., _WIDE] += rounded
    extra[..., _ROUND] += rounded
    weight = torch.tensor(stage.weight) * extra
    error = out - target
    change = error[:, 1:] - error[:, :-1]
    values = (weight * error**2).mean()
    changes = (torch.maximum(weight[:, 1:], weight[:, :-1]) * change**2).mean()
    phones = F.cross_entropy(logits.flatten(0, 1), label.flatten(), label_smoothing=0.05)
    return values + 2.8 * changes + stage.phones * phones


def train(cache, log=print):
    """-> Listen in eval mode. Fixed seeds, one thread; every finished stage is kept in the cache."""
    torch.set_num_threads(1)
    torch.manual_seed(STAGES[0].clips[2])
    network = Listen()
    for i, stage in enumerate(STAGES):
        path = cache / f"listen-stage-{i + 1}.pt"
        if not path.exists():
            torch.save(_train(network.train(), stage, cache, log).state_dict(), path)
        network.load_state_dict(torch.load(path))
    return network.eval()


def _train(network, stage, cache, log):
    """-> the exponential mean of the network's weights over the stage, in eval mode."""
    generator = torch.Generator().manual_seed(stage.clips[2])
    mel, target, label = clips(*stage.clips, cache)
    mean = copy.deepcopy(network).eval()
    optimiser = torch.optim.AdamW(network.parameters(), stage.peak, weight_decay=0.02, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, stage.peak, stage.steps, pct_start=0.15)
    started = time.monotonic()
    for step in range(stage.steps):
        chosen = torch.randint(0, len(mel), (BATCH,), generator=generator).numpy()
        x = torch.from_numpy(mel[chosen]).float().transpose(1, 2)
        x = _after(normalise(augment(x, generator, stage.narrow)), generator)
        with torch.autocast("cpu", torch.bfloat16):
            out, logits = network(x)
        truth = torch.from_numpy(target[chosen]).float(), torch.from_numpy(label[chosen]).long()
        loss = loss_of(out.float(), logits.float(), *truth, stage)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        with torch.no_grad():  # batch statistics are averaged like weights
            keep = min(0.998, (step + 1) / (step + 10))
            for a, b in zip(mean.state_dict().values(), network.state_dict().values()):
                a.lerp_(b, 1 - keep) if a.is_floating_point() else a.copy_(b)
        if step % 250 == 249:
            log(f"step {step + 1} loss {loss.item():.4f} held out {held_out(mean, cache)} {time.monotonic() - started:.0f} s")
    return mean


@torch.no_grad()
def held_out(network, cache):
    """Correlation per parameter on clips of unseen espeak variants, as text."""
    mel, target, label = clips("held_out", 40, 7, cache)
    out, logits = network(normalise(torch.from_numpy(mel).float().transpose(1, 2)))
    rows = zip(out.flatten(0, 1).T.numpy(), target.reshape(-1, 8).astype(np.float32).T)
    right = (logits.argmax(-1).numpy() == label).mean()
    return " ".join(f"{np.corrcoef(a, b)[0, 1]:.2f}" for a, b in rows) + f" class {right:.2f}"
