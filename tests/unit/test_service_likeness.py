"""PSNR and SSIM against slower computations of the same formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from service.likeness import C1, C2, psnr, ssim


def faces_like(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.uniform(0, 255, (64, 64, 3)), (3, 3, 0)) * 3 - 250
    noisy = smooth + rng.normal(0, 12, smooth.shape)
    return tuple(np.clip(each, 0, 255).astype(np.uint8) for each in (smooth, noisy))


def slow_ssim(a: np.ndarray, b: np.ndarray) -> float:
    offsets = np.arange(11) - 5
    line = np.exp(-(offsets**2) / 4.5)
    window = np.outer(line, line) / line.sum() ** 2
    values = []
    for channel in range(3):
        for y in range(a.shape[0] - 10):
            for x in range(a.shape[1] - 10):
                p, q = (i[y : y + 11, x : x + 11, channel].astype(float) for i in (a, b))
                mp, mq = (window * p).sum(), (window * q).sum()
                vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
                cov = (window * (p - mp) * (q - mq)).sum()
                values.append(
                    (2 * mp * mq + C1) * (2 * cov + C2) / ((mp**2 + mq**2 + C1) * (vp + vq + C2))
                )
    return float(np.mean(values))


def test_ssim_is_the_papers() -> None:
    a, b = (picture[:20, :18] for picture in faces_like(1))
    assert ssim(a, b) == pytest.approx(slow_ssim(a, b), rel=1e-9)
    assert ssim(a, a) == pytest.approx(1.0)


def test_psnr_of_a_known_error() -> None:
    a = np.full((16, 16, 3), 100, np.uint8)
    assert psnr(a, a + np.uint8(5)) == pytest.approx(20 * np.log10(255 / 5))
    assert psnr(a, a) is None


def test_more_noise_is_less_alike() -> None:
    a, b = faces_like(2)
    worse = np.clip(b.astype(int) + np.random.default_rng(3).integers(-40, 40, b.shape), 0, 255)
    assert ssim(a, worse.astype(np.uint8)) < ssim(a, b) < 1
    assert psnr(a, worse.astype(np.uint8)) < psnr(a, b)
