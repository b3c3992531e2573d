"""Sliced Wasserstein distance between two sets of images, as in Progressive GAN (Karras et al.,
arXiv 1710.10196, §5).

Each image becomes a Laplacian pyramid down to 16×16; 128 random 7×7 patches an image and level are
the descriptors, normalized for each channel; the distance is the mean absolute difference of the
sorted projections on random directions (4 × 128 of them), times 1000. The details follow the
paper's published `sliced_wasserstein.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

PATCH = 7  # pixels
PATCHES_PER_IMAGE = 128
REPEATS, DIRECTIONS = 4, 128
SEED = 0  # of patches and directions
GATHERED = 1 << 16  # patches at a time
PROJECTED = 16  # directions at a time
SMALLEST_LEVEL = 16  # pixels
GAUSSIAN = np.array([1, 4, 6, 4, 1], np.float32) / 16  # its outer product is the paper's 5×5 filter

Array = NDArray[np.float32]


def _smooth(images: Array) -> Array:
    """The 5×5 binomial filter with mirrored borders on [N, 3, s, s]."""
    for axis in (2, 3):
        images = ndimage.correlate1d(images, GAUSSIAN, axis=axis, mode="mirror")
    return images


def _upsample(images: Array) -> Array:
    """Zero insertion and the filter times 4: [N, 3, s, s] → [N, 3, 2s, 2s]."""
    n, c, h, w = images.shape
    spread = np.zeros((n, c, 2 * h, 2 * w), np.float32)
    spread[:, :, ::2, ::2] = images
    return _smooth(spread) * 4


def laplacian_pyramid(images: NDArray[np.uint8]) -> list[Array]:
    """u8 [N, s, s, 3] → float32 levels [N, 3, s, s], [N, 3, s/2, s/2], … 16; the last is the
    remaining Gaussian.
    """
    levels = [images.transpose(0, 3, 1, 2).astype(np.float32)]
    while levels[-1].shape[2] > SMALLEST_LEVEL:
        smaller = _smooth(levels[-1])[:, :, ::2, ::2]
        levels[-1] = levels[-1] - _upsample(smaller)
        levels.append(smaller)
    return levels


def descriptors(level: Array, rng: np.random.Generator) -> Array:
    """128 random 7×7 patches an image of [N, 3, s, s], normalized by channel: [128 N, 147]."""
    n, channels, height, width = level.shape
    half = PATCH // 2
    y = rng.integers(half, height - half, (n * PATCHES_PER_IMAGE, 1, 1, 1))
    x = rng.integers(half, width - half, (n * PATCHES_PER_IMAGE, 1, 1, 1))
    image = np.repeat(np.arange(n), PATCHES_PER_IMAGE)[:, None, None, None]
    channel = np.arange(channels)[:, None, None]
    dy, dx = np.mgrid[-half : half + 1, -half : half + 1]
    patches = np.empty((len(image), channels, PATCH, PATCH), np.float32)
    for start in range(0, len(image), GATHERED):  # in parts: the indices take more than the patches
        part = slice(start, start + GATHERED)
        patches[part] = level[image[part], channel, y[part] + dy, x[part] + dx]
    for plane in patches.swapaxes(0, 1):  # in place: a set of 16,384 images takes 1.2 GB
        plane -= plane.mean(dtype=np.float64).astype(np.float32)
        deviation = np.sqrt(np.square(plane).mean(dtype=np.float64)).astype(np.float32)
        plane /= deviation if deviation > 0 else 1  # flat images have none
    return patches.reshape(len(patches), -1)


def sliced_wasserstein(a: Array, b: Array, rng: np.random.Generator) -> float:
    """Mean |sort(a·d) − sort(b·d)| over 4 × 128 random unit directions d of descriptors [M, D],
    both sets of one size.
    """
    if a.shape != b.shape:
        raise ValueError(f"descriptor sets must have one shape, not {a.shape} and {b.shape}")
    directions = rng.standard_normal((REPEATS * DIRECTIONS, a.shape[1]), dtype=np.float32)
    directions /= np.sqrt((directions**2).sum(1, keepdims=True))
    results = []
    for start in range(0, len(directions), PROJECTED):
        projected = [directions[start : start + PROJECTED] @ side.T for side in (a, b)]  # [16, M]
        for projection in projected:
            projection.sort(axis=1)
        results.append(np.abs(projected[0] - projected[1]).mean(dtype=np.float64))
    return float(np.mean(results))


def swd(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> dict[str, float]:
    """SWD × 10³ of u8 images [N, s, s, 3] against as many others: by level ("64", "32", "16") and
    their "mean".
    """
    if a.shape != b.shape:
        raise ValueError(f"image sets must have one shape, not {a.shape} and {b.shape}")
    rng = np.random.default_rng(SEED)
    result = {}
    for level_a, level_b in zip(laplacian_pyramid(a), laplacian_pyramid(b), strict=True):
        sets = (descriptors(level_a, rng), descriptors(level_b, rng))
        result[str(level_a.shape[2])] = 1000 * sliced_wasserstein(*sets, rng)
    return result | {"mean": float(np.mean(list(result.values())))}
