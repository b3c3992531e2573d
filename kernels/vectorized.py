"""The NumPy path: what runs where the C library could not be built.

Each tap of a deconvolution is one matrix product. Integer sums are taken in floating point, where
they are exact: all partial sums are integers below 2³¹, within float64's 53 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels import reference
from kernels.spec import ONE_BIT, GeneratorSpec, LayerSpec, Precision

Layer = Callable[[NDArray[Any]], NDArray[Any]]


class VectorizedGenerator:
    """A prepared generator; `run` is thread-safe."""

    def __init__(self, spec: GeneratorSpec) -> None:
        self.spec = spec
        self.is_float = spec.layers[0].precision is Precision.FLOAT
        self.weights = [_prepare(layer) for layer in spec.layers]

    @property
    def resident_bytes(self) -> dict[str, int]:
        sizes = dict.fromkeys((*Precision, "scale"), 0)
        for layer, weight in zip(self.spec.layers, self.weights, strict=True):
            sizes[layer.precision] += weight.nbytes
            sizes["scale"] += layer.scale.nbytes + layer.shift.nbytes
        return {str(name): size for name, size in sizes.items()}

    def run(self, latents: NDArray[np.uint8]) -> NDArray[np.uint8]:
        x = reference.decoded(self.spec.layers[0], latents)
        if not self.is_float:
            x = x.astype(np.float64)
        for layer, weight in zip(self.spec.layers[:-1], self.weights, strict=False):
            x = reference.hidden(layer, _sums(layer, weight, x)).astype(x.dtype)
        last = self.spec.layers[-1]
        return reference.image(last, _sums(last, self.weights[-1], x))


def _prepare(layer: LayerSpec) -> NDArray[Any]:
    """The weights as stored, but one-bit ones as int8, ready to be widened a tap at a time."""
    if layer.precision in ONE_BIT:
        return reference.weights(layer).astype(np.int8)
    return layer.weight


def _sums(layer: LayerSpec, weight: NDArray[Any], x: NDArray[Any]) -> NDArray[Any]:
    """`reference.sums` with products in floating point; floats in the order that BLAS likes."""
    g = layer.geometry
    if layer.precision is Precision.XNOR:
        x = reference.signs(x)
    reach = (g.size_in - 1) * g.stride + 1
    size = reach - 1 + g.kernel
    acc = np.zeros((len(x), size, size, g.c_out), x.dtype)
    for ky in range(g.kernel):
        for kx in range(g.kernel):
            into = acc[:, ky : ky + reach : g.stride, kx : kx + reach : g.stride]
            into += x @ weight[ky, kx].T.astype(x.dtype)
    inside = slice(g.padding, size - g.padding)
    return acc[:, inside, inside]
