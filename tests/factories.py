"""Small random generators for tests: valid under the arithmetic contract.

Weights are random; scales and shifts are chosen so that hidden activations spread over 0 … 255 and
pictures are neither black nor white, so a wrong weight, bit order or rounding shows in the pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kernels import packing
from kernels.dcgan import chain
from kernels.spec import INT32_MAX, ONE_BIT, Deconvolution, GeneratorSpec, LayerSpec, Precision
from model_store import artifact
from training.redundancy import layer_table

Variant = Literal["float", "full", "partial"]
VARIANTS: tuple[Variant, ...] = ("float", "full", "partial")

HIDDEN_MEAN, HIDDEN_SPREAD = 60.0, 70.0  # of a u8 activation before its clamp
IMAGE_MEAN, IMAGE_SPREAD = 2047.5, 400.0  # of the argument of the TANH table
LATENT_RMS = 147.8  # of 2q − 255 over the bytes q
HIDDEN_RMS = 92.2  # √(HIDDEN_MEAN² + HIDDEN_SPREAD²)


def layer(
    shape: Deconvolution,
    precision: Precision,
    rng: np.random.Generator,
    *,
    first: bool,
    last: bool,
) -> LayerSpec:
    """One layer with random weights; its outputs have about the mean and spread named above."""
    k = shape.kernel
    # Inputs that reach an inner output pixel: those under the kernel, one in `stride` each way.
    taps = shape.c_in * (1 if first else math.ceil(k / shape.stride) ** 2)
    if precision in ONE_BIT:
        signs = rng.choice([-1, 1], (k, k, shape.c_out, shape.c_in))
        weight: NDArray[np.generic] = packing.pack(signs)
        weight_rms = 1.0
    elif precision is Precision.FIXED:
        largest = min(8191, INT32_MAX // (255 * k**2 * shape.c_in))
        drawn = rng.integers(-largest, largest, (k, k, shape.c_out, shape.c_in), endpoint=True)
        weight = drawn.astype(np.int16)
        weight_rms = largest / math.sqrt(3)
    else:
        weight = rng.standard_normal((k, k, shape.c_out, shape.c_in), dtype=np.float32)
        weight_rms = 1.0
    if precision is Precision.XNOR:
        input_rms, mean, spread = 1.0, HIDDEN_MEAN + 50, HIDDEN_SPREAD
    elif precision is Precision.FLOAT:  # latents in [−1, 1], hidden values O(1)
        input_rms, mean, spread = (1 / math.sqrt(3) if first else 1.0), 0.5, 1.0
    else:
        input_rms, mean, spread = LATENT_RMS if first else HIDDEN_RMS, HIDDEN_MEAN, HIDDEN_SPREAD
    if last:
        mean, spread = IMAGE_MEAN, IMAGE_SPREAD
    ripple = rng.uniform(0.8, 1.2, (2, shape.c_out))  # no two channels can be swapped unseen
    scale = ripple[0] * spread / (weight_rms * input_rms * math.sqrt(taps))
    return LayerSpec(
        geometry=shape,
        precision=precision,
        weight=weight,
        scale=scale.astype(np.float32),
        shift=(ripple[1] * mean).astype(np.float32),
    )


def precisions(variant: Variant, count: int) -> tuple[Precision, ...]:
    """The precision of each of `count` layers of a variant."""
    if variant == "float":
        return (Precision.FLOAT,) * count
    last = Precision.BINARY if variant == "full" else Precision.FIXED
    return (*(Precision.BINARY,) * (count - 1), last)


def generator(
    variant: Variant = "partial",
    *,
    widths: tuple[int, ...] = (16, 8, 3),
    latent_dim: int = 12,
    seed: int = 0,
) -> GeneratorSpec:
    """A random generator of images 4 · 2^(len(widths) − 1) pixels wide; same seed, same arrays.

    `widths=(512, 256, 128, 64, 3), latent_dim=100` is DCGAN with base 64.
    """
    rng = np.random.default_rng(seed)
    geometry = chain(widths, latent_dim)
    kinds = precisions(variant, len(geometry))
    return GeneratorSpec(
        layers=tuple(
            layer(shape, kind, rng, first=i == 0, last=i == len(geometry) - 1)
            for i, (shape, kind) in enumerate(zip(geometry, kinds, strict=True))
        )
    )


def manifest(spec: GeneratorSpec, variant: Variant = "partial") -> dict[str, Any]:
    """A complete manifest for a spec, as an export would write it."""
    return {
        "variant": variant,
        "architecture": "dcgan",
        "layers": layer_table(spec),
        "provenance": {
            "dataset": "random numbers",
            "terms": "for tests only",
            "images_seen": 0,
            "seed": 0,
            "options": {"base": 64, "binarized": [0, 1]},
            "commit": "0" * 40,
        },
        "swd": {"64": 10.0, "32": 20.0, "16": 60.0, "mean": 30.0},
        "export": {"largest_difference": 1, "mean_difference": 0.25},
        "directions": [],
    }


def store(root: Path, variants: Iterable[Variant] = VARIANTS, **options: Any) -> Path:
    """Fills a folder as a model store with version 1 of random variants; returns the folder.

    `options` are those of `generator`.
    """
    for variant in variants:
        spec = generator(variant, **options)
        (root / variant).mkdir(parents=True, exist_ok=True)
        artifact.write(root / variant / "1.safetensors", spec, manifest(spec, variant))
    return root
