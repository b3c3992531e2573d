"""The faces and latents of each step, drawn from (seed, step) alone.

So a resumed run sees what an unbroken one would have seen, and the processes of a data-parallel run
take their shares of one global batch without a word between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kernels.dcgan import LATENT_DIM
from training import parallel
from training.data import Images
from training.networks import LATENT_LEVELS, decode_latents


@dataclass(frozen=True)
class Batch:
    """One process's share of a step's batch, in the compute dtype."""

    real: Tensor  # [B, 3, s, s] in [−1, 1], channels-last; half of them mirrored
    latents: Tensor  # [B, 100] on the grid of U(−1, 1)
    share: Tensor  # float32 [B], U(0, 1): where between real and fake a gradient penalty looks


def draw(train: Images, seed: int, step: int, size: int, dtype: torch.dtype) -> Batch:
    """This process's share of step `step`'s batch of `size` u8 faces [N, s, s, 3]."""
    rng = np.random.default_rng((seed, step))
    mirrored = rng.random(size) < 0.5
    codes = rng.integers(0, LATENT_LEVELS, (size, LATENT_DIM), np.uint8)
    share = rng.random(size, np.float32)
    mine = slice(parallel.rank(), None, parallel.size())
    faces = train[indices(len(train), seed, step, size)[mine]]
    faces[mirrored[mine]] = faces[mirrored[mine], :, ::-1]
    # Rounded once, at the end: bfloat16's quotient in [1, 2) would be too coarse for what is left.
    real = (torch.from_numpy(faces).float() / 127.5 - 1).to(dtype).permute(0, 3, 1, 2)
    return Batch(
        real,
        decode_latents(torch.from_numpy(codes[mine]), dtype),
        torch.from_numpy(share[mine]),
    )


def indices(count: int, seed: int, step: int, size: int) -> NDArray[np.int64]:
    """Indices of a step's faces among `count`: every epoch is a new permutation of all of them."""
    positions = np.arange(step * size, (step + 1) * size)
    result = np.empty(size, np.int64)
    for epoch in np.unique(positions // count):
        permutation = np.random.default_rng((seed, epoch, 1)).permutation(count)
        here = positions // count == epoch
        result[here] = permutation[positions[here] % count]
    return result
