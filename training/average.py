"""A generator whose weights are the moving average of another's over its last steps: what training
shows and exports where it is asked for, steadier than any one step (Yazici et al.,
arXiv 1806.04498).

Latent weights are averaged, so a binarized layer takes the sign of where a weight has been, not
of a step whose sign flickers. Batch norm's statistics are those of no step: they are measured anew
before the generator is used.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch.nn import functional as F

import kernels
from training.networks import Generator, decode_latents

SEED, LATENTS = 1 << 34, 512  # that batch norm's statistics are measured on


class Average:
    """The average of a generator's weights over about `steps` steps, of fewer at the beginning."""

    def __init__(self, generator: Generator, steps: float) -> None:
        self.generator = copy.deepcopy(generator)
        self._kept = max(0.0, 1 - 1 / steps)  # of the average, by each step

    @torch.no_grad()
    def take(self, generator: Generator, step: int) -> None:
        """Moves towards the weights of step `step`, counted from 0."""
        kept = min(self._kept, (1 + step) / (10 + step))
        pairs = zip(self.generator.parameters(), generator.parameters(), strict=True)
        for average, weight in pairs:
            average.lerp_(weight, 1 - kept)

    @torch.no_grad()
    def settled(self) -> Generator:
        """The average generator, its batch norms' statistics those of its own channels."""
        x = decode_latents(torch.from_numpy(kernels.latents(SEED, LATENTS)))[:, :, None, None]
        self.generator.eval()
        layers = self.generator.weighted()
        norms: list[Any] = list(self.generator.norms)
        for layer, norm in zip(layers, norms, strict=False):
            sums = layer(x)
            norm.running_mean.copy_(sums.mean((0, 2, 3)))
            norm.running_var.copy_(sums.var((0, 2, 3)))
            x = F.relu(norm(sums))
        return self.generator
