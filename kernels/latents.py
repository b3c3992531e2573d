"""Seed → latents, the exact rule, so that C, NumPy and JavaScript draw the same cube.

Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) with
key = seed (low word first) and counter = (block, 0, 0, 0) gives four 32-bit words; stored
little-endian they are latents 16·block … 16·block + 15.
A latent is a byte q and means (q − 127.5) / 127.5: a grid of 256 levels on U(−1, 1).
"""

from __future__ import annotations

from operator import index

import numpy as np
from numpy.typing import NDArray

from kernels import native
from kernels.spec import LARGEST_CHANNELS

LARGEST_SEED = 2**64 - 1
BLOCK_BYTES = 16
MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))
WORD = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


def latents(seed: int, count: int, dim: int = 100) -> NDArray[np.uint8]:
    """Latents of `count` images, u8 [count, dim]; image i has seed `seed + i`.

    Raises ValueError when a seed is outside 0 … 2⁶⁴ − 1, the count outside 0 … 2³² − 1 or the
    dimension outside 0 … 65536, and TypeError for what is no integer.
    """
    seed, count, dim = index(seed), index(count), index(dim)
    _check(count, dim)
    if seed < 0 or seed + max(count, 1) - 1 > LARGEST_SEED:
        raise ValueError(f"seeds must be 0 … {LARGEST_SEED}, not {seed} … {seed + count - 1}")
    return latents_of(np.uint64(seed) + np.arange(count, dtype=np.uint64), dim)


def latents_of(seeds: NDArray[np.uint64], dim: int = 100) -> NDArray[np.uint8]:
    """Latents of any seeds, u64 [N] → u8 [N, dim]: one pass for a batch of requests' seeds.

    By the C library where there is one: NumPy takes 120 µs for a seed, as its passes are many.
    Raises ValueError for a count or a dimension as `latents` does, and for seeds of other shapes.
    """
    if seeds.ndim != 1:
        raise ValueError(f"seeds must be of shape [N], not {list(seeds.shape)}")
    _check(len(seeds), dim)
    library = native.load()
    if library is None:
        return drawn_by_numpy(seeds, dim)
    seeds = np.ascontiguousarray(seeds, np.uint64)
    drawn = np.empty((len(seeds), dim), np.uint8)
    library.pbgen_latents(seeds.ctypes.data, len(seeds), dim, drawn.ctypes.data)
    return drawn


def _check(count: int, dim: int) -> None:
    for name, value, most in (
        ("count", count, native.LARGEST_COUNT),
        ("dim", dim, LARGEST_CHANNELS),
    ):
        if not 0 <= value <= most:
            raise ValueError(f"{name} must be 0 … {most}, not {value}")


def drawn_by_numpy(seeds: NDArray[np.uint64], dim: int) -> NDArray[np.uint8]:
    """The rule itself, for the same arguments."""
    count, blocks = len(seeds), -(-dim // BLOCK_BYTES)
    counter = np.zeros((count, blocks, 4), np.uint32)
    counter[..., 0] = np.arange(blocks, dtype=np.uint32)
    key = np.stack([seeds & WORD, seeds >> HALF], axis=-1).astype(np.uint32)
    words = philox(counter, np.repeat(key[:, None], blocks, axis=1))
    drawn = words.astype("<u4").view(np.uint8).reshape(count, blocks * BLOCK_BYTES)
    return np.ascontiguousarray(drawn[:, :dim])


def philox(counter: NDArray[np.uint32], key: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Philox4x32-10 of every counter u32 [..., 4] under its key u32 [..., 2] → u32 [..., 4]."""
    # Each 32-bit word is held in a u64, so that products are whole and sums never wrap unseen.
    x0, x1, x2, x3 = (counter[..., i].astype(np.uint64) for i in range(4))
    k0, k1 = (key[..., i].astype(np.uint64) for i in range(2))
    for _ in range(10):
        left, right = MULTIPLIERS[0] * x0, MULTIPLIERS[1] * x2
        x0, x1, x2, x3 = (
            (right >> HALF) ^ x1 ^ k0,
            right & WORD,
            (left >> HALF) ^ x3 ^ k1,
            left & WORD,
        )
        k0, k1 = (k0 + WEYL[0]) & WORD, (k1 + WEYL[1]) & WORD
    return np.stack([x0, x1, x2, x3], axis=-1).astype(np.uint32)
