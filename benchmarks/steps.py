"""Training speed: images a second of one step of both players, at full size.

    python -m benchmarks.steps

The variants in each compute dtype that the processor has, and beside them a textbook DCGAN in
stock PyTorch, under autocast to bfloat16 where there is that; all take turns on all cores. Writes
`results/steps.json`.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kernels import machine
from kernels.dcgan import LATENT_DIM, dcgan
from training import memory
from training.batches import draw
from training.loop import Run
from training.networks import SLOPE
from training.options import COMPUTE, COMPUTE_DTYPES, Options

RESULT = Path(__file__).parent / "results" / "steps.json"
WIDTH, DISCRIMINATOR_WIDTH, BATCH = 128, 64, 128
ROUNDS = 8
FLOAT32 = "float32"
STOCK = FLOAT32 if COMPUTE == FLOAT32 else f"{COMPUTE} autocast"
Step = Callable[[], object]


def measure() -> dict[str, Any]:
    """Median, smallest and largest images a second of each way to train."""
    noise = np.random.default_rng(0).integers(0, 256, (BATCH, 64, 64, 3), np.uint8)
    steps = {
        f"{variant}, {compute}": ours(variant, compute, noise)
        for compute in COMPUTE_DTYPES
        if compute in (COMPUTE, FLOAT32)
        for variant in ("float", "full", "partial")
    }
    steps[f"stock PyTorch, {STOCK}"] = stock()
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(ROUNDS + 2):
        for name, step in steps.items():
            begin = time.perf_counter()
            step()
            if turn >= 2:  # the first ones choose algorithms and warm up
                seconds[name].append(time.perf_counter() - begin)
    rows = [
        {
            "what": name,
            "images_a_second": BATCH / statistics.median(times),
            "min_images_a_second": BATCH / max(times),
            "max_images_a_second": BATCH / min(times),
        }
        for name, times in seconds.items()
    ]
    return {
        "command": "python -m benchmarks.steps",
        "machine": machine.describe(),
        "threads": torch.get_num_threads(),
        "batch": BATCH,
        "widths": {"generator": WIDTH, "discriminator": DISCRIMINATOR_WIDTH},
        "rounds": ROUNDS,
        "rows": rows,
    }


def ours(variant: str, compute: str, faces: Any) -> Step:
    """A step of the project's training loop, the drawing of its batch included."""
    options = Options(
        variant,
        width=WIDTH,
        discriminator_width=DISCRIMINATOR_WIDTH,
        batch=BATCH,
        compute=compute,
    )
    run = Run(Path(), options)

    def step() -> None:
        run.train_step(draw(faces, options.seed, 0, BATCH, run.dtype))

    return step


def stock() -> Step:
    """The same step as PyTorch's own DCGAN example takes it, channels last, in the fast dtype."""
    halved = torch.autocast("cpu", torch.bfloat16, enabled=STOCK != FLOAT32)
    up, down = [], []
    for g in dcgan(WIDTH):
        up += [
            nn.ConvTranspose2d(g.c_in, g.c_out, g.kernel, g.stride, g.padding, bias=False),
            nn.BatchNorm2d(g.c_out),
            nn.ReLU(),
        ]
    for g in reversed(dcgan(DISCRIMINATOR_WIDTH)):
        c_out = 1 if g.c_in == LATENT_DIM else g.c_in
        down += [
            nn.Conv2d(g.c_out, c_out, g.kernel, g.stride, g.padding, bias=False),
            nn.BatchNorm2d(c_out),
            nn.LeakyReLU(SLOPE),
        ]
    generator = nn.Sequential(*up[:-2], nn.Tanh())
    discriminator = nn.Sequential(*down[:1], *down[2:-2])  # no norm after the first and the last
    generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    discriminator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    players = [
        torch.optim.Adam(net.parameters(), 2e-4, betas=(0.5, 0.999))
        for net in (discriminator, generator)
    ]
    real = torch.randn(BATCH, 3, 64, 64).to(memory_format=torch.channels_last)

    def logits(images: Tensor) -> Tensor:
        result: Tensor = discriminator(images)
        return result.float().flatten()

    def update(player: int, loss: Tensor) -> None:
        players[player].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        players[player].step()

    def step() -> None:
        with halved:
            fake = generator(torch.rand(BATCH, LATENT_DIM, 1, 1) * 2 - 1)
            on_real = F.softplus(-logits(real)).mean()
            d_loss = on_real + F.softplus(logits(fake.detach())).mean()
        update(0, d_loss)
        with halved:
            g_loss = F.softplus(-logits(fake)).mean()
        update(1, g_loss)

    return step


if __name__ == "__main__":
    memory.keep()
    result = measure()
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    for row in result["rows"]:
        print(f"{row['what']:34} {row['images_a_second']:7.1f} images/s")
