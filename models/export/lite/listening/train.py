"""Train the listen network on cached clips: one thread, bfloat16 products, exponential mean of weights."""

import copy
import time
from dataclasses import dataclass

import numpy as np
import torch
from listening.clips import clips
from listening.network import Listen, normalize
from listening.spoil import augment, mask, weaken
from torch.nn import functional as F

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
    tracts: tuple = (0.82, 1.22)  # shortest and longest vocal tract
    weaken: bool = False  # let consonants fade
    tilt: float = 0.0  # of listen_spoil.mask


STAGES = [
    Stage(("first", 9000, 1), 3000, 2.5e-3, 0.2, (2, 1.5, 1.2, 2, 3, 2, 1, 1), 1.5, 0.1),
    Stage(("second", 10000, 2), 3500, 1.5e-3, 0.08, (2, 1.5, 1.2, 2, 3, 2.5, 1.2, 1), 2.0, 0.15),
    # The synthesizers are mostly men: shorter tracts.
    Stage(
        ("third", 6000, 3), 800, 8e-4, 0.08, (2, 1.5, 1.2, 2, 3, 2.5, 1.2, 1), 2.0, 0.15,
        tracts=(0.7, 1.15), weaken=True, tilt=0.15,
    ),
]  # fmt: skip
_OPEN, _WIDE, _ROUND, _PRESS, _TUCK = 0, 2, 3, 4, 5


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
    for number, stage in enumerate(STAGES, 1):
        path = cache / f"listen-stage-{number}.pt"
        if not path.exists():
            torch.save(_train(network.train(), stage, number, cache, log).state_dict(), path)
        network.load_state_dict(torch.load(path))
    return network.eval()


def _train(network, stage, seed, cache, log):
    """-> the exponential mean of the network's weights over the stage, in eval mode."""
    generator = torch.Generator().manual_seed(seed)
    mel, target, label = clips(*stage.clips, cache)
    mean = copy.deepcopy(network).eval()
    optimizer = torch.optim.AdamW(network.parameters(), stage.peak, weight_decay=0.02, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, stage.peak, stage.steps, pct_start=0.15)
    started = time.monotonic()
    for step in range(stage.steps):
        chosen = torch.randint(0, len(mel), (BATCH,), generator=generator).numpy()
        x = torch.from_numpy(mel[chosen]).float().transpose(1, 2)
        if stage.weaken:
            x = weaken(x, torch.from_numpy(label[chosen]).long(), generator)
        x = mask(normalize(augment(x, generator, stage.narrow, stage.tracts)), generator, stage.tilt)
        with torch.autocast("cpu", torch.bfloat16):
            out, logits = network(x)
        truth = torch.from_numpy(target[chosen]).float(), torch.from_numpy(label[chosen]).long()
        loss = loss_of(out.float(), logits.float(), *truth, stage)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
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
    out, logits = network(normalize(torch.from_numpy(mel).float().transpose(1, 2)))
    rows = zip(out.flatten(0, 1).T.numpy(), target.reshape(-1, 8).astype(np.float32).T)
    right = (logits.argmax(-1).numpy() == label).mean()
    return " ".join(f"{np.corrcoef(a, b)[0, 1]:.2f}" for a, b in rows) + f" class {right:.2f}"
