"""Generators of random weights, to time and to test with: speed does not depend on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kernels import tanh
from kernels.dcgan import dcgan
from kernels.spec import WEIGHT_DTYPES, Deconvolution, GeneratorSpec, LayerSpec, Precision

VARIANTS = ("partial", "full", "float", "xnor")
SEED = 1


def random_generator(variant: str, width: int = 128, image_size: int = 64) -> GeneratorSpec:
    """DCGAN with random weights, `width` channels before the image; its pictures are grey noise of
    a wide range. `xnor` is partial with one-bit inputs in the middle layers.
    """
    shapes = dcgan(width, image_size)
    kinds = [Precision.FLOAT if variant == "float" else Precision.BINARY] * len(shapes)
    if variant == "xnor":
        kinds[1:-1] = [Precision.XNOR] * len(kinds[1:-1])
    if variant in ("partial", "xnor"):
        kinds[-1] = Precision.FIXED
    rng = np.random.default_rng(SEED)
    hidden = [_random_layer(g, kind, rng) for g, kind in zip(shapes, kinds, strict=True)]
    return GeneratorSpec((*hidden[:-1], _to_image(hidden[-1])))


def _random_layer(g: Deconvolution, kind: Precision, rng: np.random.Generator) -> LayerSpec:
    """Outputs spread as widely as inputs: scales are He et al.'s, of four taps (stride 2)."""
    dtype = WEIGHT_DTYPES[kind]
    weight: NDArray[np.generic]
    shape = (g.kernel, g.kernel, g.c_out, g.c_in)
    spread = 1.0
    if kind is Precision.FLOAT:
        weight = rng.standard_normal(shape, np.float32)
    elif kind is Precision.FIXED:
        weight, spread = rng.integers(-4096, 4096, shape, dtype), 4096 / 3**0.5
    else:
        spread = 1 / 128 if kind is Precision.XNOR else 1.0  # inputs are ±1, outputs bytes
        weight = rng.integers(0, 256, (*shape[:3], -(-g.c_in // 8)), dtype)
    scale = np.full(g.c_out, (2 / (4 * g.c_in)) ** 0.5 / spread, np.float32)
    return LayerSpec(g, kind, weight, scale, np.zeros(g.c_out, np.float32))


def _to_image(layer: LayerSpec) -> LayerSpec:
    """The layer with its outputs in steps of the table of tanh."""
    one = 1 if layer.precision is Precision.FLOAT else 255  # an activation that stands for 1
    shift = np.full_like(layer.shift, tanh.CENTER)
    scale = layer.scale * np.float32(tanh.ONE / one)
    return LayerSpec(layer.geometry, layer.precision, layer.weight, scale, shift)
