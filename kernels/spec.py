"""What a generator is: the geometry, precision and arrays of its layers, as plain dataclasses.

Every layer is a square transposed convolution; the projection of the latents is one on a 1×1 input with stride 1 and
padding 0, so there is one kind of layer. What the numbers mean is the arithmetic contract of `docs/arithmetic.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

INT32_MAX = 2**31 - 1
LARGEST_SCALE = 1e20  # |scale| and |shift|; keeps scale · acc + shift finite in float32


class Precision(StrEnum):
    """How a layer's weights are held and multiplied."""

    BINARY = "binary"  # ±1, one bit a weight
    FIXED = "fixed"  # signed fixed point in int16, narrow enough that Σ u8·w fits int32
    FLOAT = "float"  # float32 weights and activations


@dataclass(frozen=True)
class Deconvolution:
    """The geometry of one square transposed convolution (no output padding)."""

    c_in: int
    c_out: int
    kernel: int
    stride: int
    padding: int
    size_in: int

    def __post_init__(self) -> None:
        for name, low in (("c_in", 1), ("c_out", 1), ("kernel", 1), ("stride", 1), ("padding", 0), ("size_in", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < low:
                raise ValueError(f"deconvolution {name} must be an integer of at least {low}, not {value!r}")
        if self.size_out < 1:
            raise ValueError(f"deconvolution output would be {self.size_out} pixels wide: {self}")

    @property
    def size_out(self) -> int:
        """Height and width of the output, in pixels."""
        return (self.size_in - 1) * self.stride - 2 * self.padding + self.kernel

    @property
    def weight_count(self) -> int:
        return self.kernel**2 * self.c_out * self.c_in

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds an image, border taps that fall outside the input included."""
        return self.weight_count * self.size_in**2


@dataclass(frozen=True, eq=False)
class LayerSpec:
    """One layer: geometry, precision, and the arrays.

    weight  by precision: binary u8 [k, k, c_out, ceil(c_in / 8)] (bit order: `packing`), fixed i16 [k, k, c_out, c_in],
            float f32 [k, k, c_out, c_in]; [ky, kx] as in PyTorch's ConvTranspose2d
    scale   f32 [c_out]
    shift   f32 [c_out]; the layer's output before its activation is scale · acc + shift
    """

    geometry: Deconvolution
    precision: Precision
    weight: NDArray[np.generic]
    scale: NDArray[np.float32]
    shift: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class GeneratorSpec:
    """A whole generator: its layers in order, first (projection) to last (image)."""

    layers: tuple[LayerSpec, ...]

    @property
    def latent_dim(self) -> int:
        return self.layers[0].geometry.c_in

    @property
    def image_size(self) -> int:
        """Height and width of the images, in pixels."""
        return self.layers[-1].geometry.size_out
