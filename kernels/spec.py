"""What a generator is: the geometry, precision and arrays of its layers, as plain dataclasses.

Every layer is a square transposed convolution; the projection of the latents is one on a 1×1 input
with stride 1 and padding 0, so there is one kind of layer. What the numbers mean is the arithmetic
contract of `docs/arithmetic.md`.
A spec checks itself when it is made: one that exists can be run, and no sum in it can overflow.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

INT32_MAX = 2**31 - 1
LARGEST_SCALE = 1e20  # |scale| and |shift|; keeps scale · acc + shift finite in float32
LARGEST_REACH = 1e38  # of a float layer's sums and outputs; float32 ends at 3.4e38
LARGEST_FIXED = 127 * 256 + 127  # |w| of fixed weights: the largest that two signed bytes hold
LARGEST_CHANNELS = 2**16
LARGEST_KERNEL = 8  # of kernel and stride; bounds the tables of phases and taps in C
LARGEST_SIZE = 2**12  # of a layer's input and output, pixels
LARGEST_LAYERS = 16
IMAGE_CHANNELS = 3


class Precision(StrEnum):
    """How a layer's weights are held and multiplied."""

    BINARY = "binary"  # ±1, one bit a weight
    FIXED = "fixed"  # signed fixed point in int16, narrow enough that Σ u8·w fits int32
    FLOAT = "float"  # float32 weights and activations
    XNOR = "xnor"  # ±1, one bit a weight, and of the inputs their top bits alone


WEIGHT_DTYPES: dict[Precision, np.dtype[Any]] = {
    Precision.BINARY: np.dtype(np.uint8),
    Precision.FIXED: np.dtype(np.int16),
    Precision.FLOAT: np.dtype(np.float32),
    Precision.XNOR: np.dtype(np.uint8),
}
ONE_BIT = (Precision.BINARY, Precision.XNOR)  # of weights


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
        for name, high in (
            ("c_in", LARGEST_CHANNELS),
            ("c_out", LARGEST_CHANNELS),
            ("kernel", LARGEST_KERNEL),
            ("stride", LARGEST_KERNEL),
            ("size_in", LARGEST_SIZE),
        ):
            self._check(name, 1, high)
        self._check("padding", 0, self.kernel - 1)
        if not 1 <= self.size_out <= LARGEST_SIZE:
            raise ValueError(
                f"deconvolution output must be 1 … {LARGEST_SIZE} pixels wide, "
                f"not {self.size_out}: {self}"
            )

    def _check(self, name: str, low: int, high: int) -> None:
        value = getattr(self, name)
        if type(value) is not int or not low <= value <= high:  # True is none either
            raise ValueError(f"deconvolution {name} must be {low} … {high}, not {value!r}")

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

    weight  by precision: binary, xnor u8 [k, k, c_out, ceil(c_in / 8)] (bit order: `packing`),
            fixed i16 [k, k, c_out, c_in], float f32 [k, k, c_out, c_in];
            [ky, kx] as in PyTorch's ConvTranspose2d
    scale   f32 [c_out]
    shift   f32 [c_out]; the layer's output before its activation is scale · acc + shift

    Raises ValueError for an unknown precision, an array of another dtype or shape, a number that is
    not finite or too large, and weights whose sum could overflow int32.
    """

    geometry: Deconvolution
    precision: Precision
    weight: NDArray[np.generic]
    scale: NDArray[np.float32]
    shift: NDArray[np.float32]

    def __post_init__(self) -> None:
        object.__setattr__(self, "precision", Precision(self.precision))  # of its name too
        g = self.geometry
        inputs = -(-g.c_in // 8) if self.precision in ONE_BIT else g.c_in
        shape = (g.kernel, g.kernel, g.c_out, inputs)
        _check_array(f"{self.precision} weight", self.weight, WEIGHT_DTYPES[self.precision], shape)
        for name, array in (("scale", self.scale), ("shift", self.shift)):
            _check_array(name, array, np.dtype(np.float32), (g.c_out,))
            _check_magnitude(name, array, LARGEST_SCALE)
        if self.precision is Precision.FLOAT:
            _check_magnitude("float weight", self.weight, LARGEST_SCALE)
        else:
            self._check_sums()

    def _check_sums(self) -> None:
        """No order of summation may overflow int32: 255 · Σ|w| < 2³¹ for every output channel."""
        if self.precision is Precision.FIXED:
            most = max(int(self.weight.max()), -int(self.weight.min()))
            if most > LARGEST_FIXED:
                raise ValueError(f"fixed weight must be within ±{LARGEST_FIXED}, not ±{most}")
            largest = int(_sums_of_magnitudes(self.weight, np.int64).max())
        else:
            largest = self.geometry.kernel**2 * self.geometry.c_in
        if 255 * largest > INT32_MAX:
            raise ValueError(
                f"255 · Σ|w| of an output channel must be at most {INT32_MAX}, not {255 * largest}"
            )


@dataclass(frozen=True, eq=False)
class GeneratorSpec:
    """A whole generator: its layers in order, first (projection) to last (image).

    Raises ValueError when the layers do not chain, when float and integer layers are mixed, when
    the first does not work on 1×1 latents, or when the last does not give an image's 3 channels.
    """

    layers: tuple[LayerSpec, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.layers) <= LARGEST_LAYERS:
            raise ValueError(f"a generator has 1 … {LARGEST_LAYERS} layers, not {len(self.layers)}")
        geometries = [layer.geometry for layer in self.layers]
        if geometries[0].size_in != 1:
            raise ValueError(f"layer 0 must have size_in 1, not {geometries[0].size_in}")
        for i, (before, after) in enumerate(pairwise(geometries), start=1):
            if (after.c_in, after.size_in) != (before.c_out, before.size_out):
                raise ValueError(
                    f"layer {i} takes {after.c_in} channels of {after.size_in} pixels, "
                    f"but layer {i - 1} gives {before.c_out} channels of {before.size_out} pixels"
                )
        if geometries[-1].c_out != IMAGE_CHANNELS:
            raise ValueError(
                f"the last layer must give {IMAGE_CHANNELS} channels, not {geometries[-1].c_out}"
            )
        floats = sum(layer.precision is Precision.FLOAT for layer in self.layers)
        if floats not in (0, len(self.layers)):
            raise ValueError(
                f"all layers or none must be float, not {floats} of {len(self.layers)}"
            )
        if floats:
            _check_reach(self.layers)

    @property
    def latent_dim(self) -> int:
        return self.layers[0].geometry.c_in

    @property
    def image_size(self) -> int:
        """Height and width of the images, in pixels."""
        return self.layers[-1].geometry.size_out


def _check_reach(layers: tuple[LayerSpec, ...]) -> None:
    """No sum of float layers may reach infinity, whatever the latents: |x| ≤ 1 at the start, and a
    layer takes |x| to at most |scale| · Σ|w| · |x| + |shift|.
    """
    reach = 1.0
    for i, layer in enumerate(layers):
        sums = _sums_of_magnitudes(layer.weight, np.float64) * reach
        outputs = np.abs(layer.scale) * sums + np.abs(layer.shift)
        reach = float(max(sums.max(), outputs.max()))
        if reach > LARGEST_REACH:
            raise ValueError(
                f"the values of layer {i} must stay within ±{LARGEST_REACH:g} for all latents, "
                f"but its weights could take them to {reach:g}"
            )
        reach = float(outputs.max())


def _sums_of_magnitudes(weight: NDArray[Any], dtype: type[np.generic]) -> NDArray[Any]:
    """Σ|w| of each output channel, [c_out]; a tap at a time, as copies of all would be large."""
    taps = (np.abs(tap).sum(axis=1, dtype=dtype) for row in weight for tap in row)
    return sum(taps, np.zeros(weight.shape[2], dtype))


def _check_array(
    name: str, array: NDArray[np.generic], dtype: np.dtype[Any], shape: tuple[int, ...]
) -> None:
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(
            f"{name} must be {dtype} {list(shape)}, not {array.dtype} {list(array.shape)}"
        )


def _check_magnitude(name: str, array: NDArray[np.generic], bound: float) -> None:
    largest = max(abs(float(array.min())), abs(float(array.max())))  # NaN stays NaN
    if not largest <= float(np.float32(bound)):  # the float32 that the bound itself becomes
        raise ValueError(f"{name} must be finite and within ±{bound:g}, not {largest:g}")
