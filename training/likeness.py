"""How alike two generators draw the same latent: PSNR and SSIM of their served images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import skimage.metrics

import kernels
from kernels import GeneratorSpec

SEED, IMAGES = 1 << 41, 512


@dataclass(frozen=True)
class Likeness:
    """Means over images of one latent each; SSIM by Wang et al., 2004 (Gaussian window, σ 1.5)."""

    psnr_db: float
    ssim: float
    images: int


def measure(ours: GeneratorSpec, theirs: GeneratorSpec, images: int = IMAGES) -> Likeness:
    """Likeness of two generators with latents of one dimension."""
    latents = kernels.latents(SEED, images, ours.latent_dim)
    images_of = [kernels.Generator(spec).run(latents) for spec in (ours, theirs)]
    pairs = list(zip(*images_of, strict=True))
    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    metrics: Any = skimage.metrics  # it comes without types
    psnr = [metrics.peak_signal_noise_ratio(*pair) for pair in pairs]
    ssim = [metrics.structural_similarity(*pair, channel_axis=2, **window) for pair in pairs]
    return Likeness(float(np.mean(psnr)), float(np.mean(ssim)), images)
