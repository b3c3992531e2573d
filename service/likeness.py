"""How near two pictures are: PSNR and SSIM."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Values = NDArray[np.float64]

WINDOW, SIGMA = 11, 1.5  # pixels, as in the paper
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(a: Pixels, b: Pixels) -> float | None:
    """Peak signal-to-noise ratio in dB; None for equal pictures, where it has no bound."""
    error = float(np.mean((a.astype(np.float64) - b) ** 2))
    return 10 * float(np.log10(255**2 / error)) if error else None


def ssim(a: Pixels, b: Pixels) -> float:
    """Structural similarity of pictures u8 [H, W, 3] of at least 11 pixels, mean over channels.

    Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004:
    Gaussian window, no border pixels.
    """
    x, y = (np.moveaxis(picture.astype(np.float64), -1, 0) for picture in (a, b))
    mean_x, mean_y = _blur(x), _blur(y)
    spread = _blur(x * x) - mean_x**2 + _blur(y * y) - mean_y**2
    together = _blur(x * y) - mean_x * mean_y
    value = ((2 * mean_x * mean_y + C1) * (2 * together + C2)) / (
        (mean_x**2 + mean_y**2 + C1) * (spread + C2)
    )
    return float(value.mean())


def _blur(planes: Values) -> Values:
    """Gaussian means of planes [C, H, W], where the window fits: [C, H − 10, W − 10]."""
    rows, columns = (_window_matrix(size) for size in planes.shape[1:])
    return np.asarray(rows @ planes @ columns.T)


@lru_cache
def _window_matrix(size: int) -> Values:
    """[size − 10, size]: row i holds the window's weights at i … i + 10."""
    offsets = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-(offsets**2) / (2 * SIGMA**2))
    matrix = np.zeros((size - WINDOW + 1, size))
    for i in range(len(matrix)):
        matrix[i, i : i + WINDOW] = weights / weights.sum()
    return matrix
