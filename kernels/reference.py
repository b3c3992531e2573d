"""The oracle: what a generator computes, in NumPy, with obvious loops and no cleverness.

It follows `docs/arithmetic.md` line by line. Every fast path is compared with it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.packing import unpack
from kernels.spec import GeneratorSpec, LayerSpec, Precision
from kernels.tanh import LEVELS, TANH


def run(spec: GeneratorSpec, latents: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images of latents: u8 [N, latent_dim] → u8 [N, size, size, 3]."""
    x = decoded(spec.layers[0], latents)
    for layer in spec.layers[:-1]:
        x = hidden(layer, sums(layer, x))
    return image(spec.layers[-1], sums(spec.layers[-1], x))


def decoded(layer: LayerSpec, latents: NDArray[np.uint8]) -> NDArray[Any]:
    """The first layer's input of latents: [N, 1, 1, latent_dim], int64, or float32 in [−1, 1]."""
    x = latents[:, None, None]
    if layer.precision is Precision.FLOAT:
        return (x.astype(np.float32) - np.float32(127.5)) / np.float32(127.5)
    codes = x.astype(np.int64)
    return codes if layer.precision is Precision.XNOR else 2 * codes - 255


def sums(layer: LayerSpec, x: NDArray[Any]) -> NDArray[Any]:
    """acc [N, size_out, size_out, c_out], int64 or float32 as x [N, size_in, size_in, c_in] is."""
    g = layer.geometry
    weight = weights(layer)
    if layer.precision is Precision.XNOR:
        x = signs(x)
    reach = (g.size_in - 1) * g.stride + 1  # from the first to the last pixel that one tap reaches
    size = reach - 1 + g.kernel  # before the padding is cut off
    acc = np.zeros((len(x), size, size, g.c_out), x.dtype)
    for ky in range(g.kernel):
        for kx in range(g.kernel):
            into = acc[:, ky : ky + reach : g.stride, kx : kx + reach : g.stride]
            into[:] = accumulate(into, x, weight[ky, kx])
    inside = slice(g.padding, size - g.padding)
    return acc[:, inside, inside]


def accumulate(acc: NDArray[Any], x: NDArray[Any], weight: NDArray[Any]) -> NDArray[Any]:
    """acc [..., c_out] plus Σ x[..., i] · weight[:, i]; floats by FMA, i ascending."""
    if x.dtype != np.float32:
        total: NDArray[Any] = acc + x @ weight.T
        return total
    for i in range(x.shape[-1]):
        acc = fma(x[..., i, None], weight[:, i], acc)
    return acc


def signs(x: NDArray[Any]) -> NDArray[Any]:
    """What an xnor layer takes of bytes: +1 from 128 on, −1 below."""
    return np.where(x >= 128, 1, -1).astype(x.dtype)


def weights(layer: LayerSpec) -> NDArray[Any]:
    """[k, k, c_out, c_in] as int64 or float32."""
    if layer.precision is Precision.FLOAT:
        return layer.weight.astype(np.float32, copy=False)
    if layer.precision is Precision.FIXED:
        return layer.weight.astype(np.int64)
    return unpack(layer.weight.astype(np.uint8), layer.geometry.c_in).astype(np.int64)


def affine(layer: LayerSpec, acc: NDArray[Any]) -> NDArray[np.float32]:
    """scale · acc + shift, every step rounded to float32."""
    y: NDArray[np.float32] = acc.astype(np.float32) * layer.scale + layer.shift
    return y


def hidden(layer: LayerSpec, acc: NDArray[Any]) -> NDArray[Any]:
    """The next layer's input."""
    y = affine(layer, acc)
    if layer.precision is Precision.FLOAT:
        return np.maximum(y, np.float32(0))
    return np.clip(np.rint(y), 0, 255).astype(np.int64)


def image(layer: LayerSpec, acc: NDArray[Any]) -> NDArray[np.uint8]:
    """Grey levels, u8."""
    t = np.clip(np.rint(affine(layer, acc)), 0, LEVELS - 1)
    return TANH[t.astype(np.int64)]


def fma(a: NDArray[Any], b: NDArray[Any], c: NDArray[Any]) -> NDArray[np.float32]:
    """a · b + c rounded once to float32.

    The product is exact in float64. Their sum is rounded there to odd (if inexact, to the neighbour
    whose last bit is set), after which rounding to float32 cannot round twice: Boldo and Melquiond,
    "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", 2008.
    """
    p, q = a.astype(np.float64) * b.astype(np.float64), c.astype(np.float64)
    total = p + q
    part = total - p
    error = (p - (total - part)) + (q - part)  # Knuth's two-sum: total + error = p + q, exactly
    even = total.view(np.int64) % 2 == 0
    odd = np.nextafter(total, np.where(error > 0, np.inf, -np.inf))
    return np.where((error != 0) & even, odd, total).astype(np.float32)
