"""Frames per second of the same network in PyTorch, half precision, on the same card: torch_baseline.py CHECKPOINTS.

Prints {"<batch>": fps} as JSON. The network is the one that the graphs were exported from, the weights are read as
they are; channels-last, the fastest of PyTorch's own ways without compiling.
"""

import json
import sys
import time
from pathlib import Path

import torch
from musetalk_export import unet, vae
from musetalk_export.checkpoints import read
from musetalk_export.generate import Generate
from musetalk_export.layout import UNET, VAE

BATCHES = (4, 8, 16, 32)
SECONDS = 3


def frames_per_second(network: torch.nn.Module, batch: int) -> float:
    latent = torch.randn(batch, 8, 32, 32, device='cuda')
    prompt = torch.randn(batch, 50, 384, device='cuda')
    for _ in range(3):
        network(latent, prompt)
    torch.cuda.synchronize()
    began, runs = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        network(latent, prompt).cpu()  # the pictures have to reach the CPU in a worker as well
        runs += 1
    return batch * runs / (time.perf_counter() - began)


folder = Path(sys.argv[1])
made = {source: read(folder, source, allow_unknown=True) for source in (UNET, VAE)}
network = Generate(unet.build(made[UNET]), vae.build(made[VAE])).eval().half().cuda().to(memory_format=torch.channels_last)
with torch.inference_mode():
    print(json.dumps({batch: round(frames_per_second(network, batch), 1) for batch in BATCHES}))
