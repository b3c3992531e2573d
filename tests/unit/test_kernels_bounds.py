"""Sums at the bounds of the arithmetic contract: the largest that are accepted do not overflow.

Every weight and every input is an extreme; sums are read exactly, near the ends of int32.
"""

from __future__ import annotations

import ctypes as ct
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kernels import (
    Deconvolution,
    GeneratorSpec,
    LayerSpec,
    Precision,
    available_isas,
    native,
    reference,
)
from kernels.native import PRECISIONS
from kernels.packing import pack
from kernels.spec import INT32_MAX, LARGEST_FIXED, ONE_BIT
from tests.kernel_cases import magnified, table_steps

MOST = INT32_MAX // 255  # of Σ|w|
ENDS = np.array([[255], [0]], np.uint8)  # latents: 2q − 255 = ±255
SIGNS = np.array([1, -1, 1])  # of the three channels' weights


def layer(shape: Deconvolution, precision: Precision, weight: NDArray[Any]) -> LayerSpec:
    """Weights [..., c_in] for all outputs, each channel with its sign; hidden outputs saturate."""
    signs = np.resize(SIGNS, shape.c_out)[:, None]
    whole = np.broadcast_to(weight * signs, (shape.kernel, shape.kernel, shape.c_out, shape.c_in))
    stored = pack(whole) if precision in ONE_BIT else whole.astype(np.int16)
    ones = np.ones(shape.c_out, np.float32)
    return LayerSpec(shape, precision, stored, ones, 255 * ones)


def widest_fixed() -> NDArray[np.int64]:
    """As many of the largest weights as fit, and one that fills up the rest."""
    weight = np.full(MOST // LARGEST_FIXED + 1, LARGEST_FIXED)
    weight[-1] = MOST - LARGEST_FIXED * (len(weight) - 1)
    return weight


FIRST = {
    "fixed, largest weights": (Precision.FIXED, widest_fixed()),
    # 128 is 256 · 1 − 128: its bytes sum to the other end of int32.
    "fixed, most channels": (Precision.FIXED, np.full(2**16, 128)),
    "binary, most channels": (Precision.BINARY, np.ones(2**16, np.int64)),
    "xnor, most channels": (Precision.XNOR, np.ones(2**16, np.int64)),
}


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize("name", FIRST)
def test_the_first_layer_at_its_bound(isa: str, name: str) -> None:
    precision, weight = FIRST[name]
    last = layer(Deconvolution(len(weight), 3, 1, 1, 0, 1), precision, weight)
    z = np.broadcast_to(ENDS, (2, len(weight)))
    check(isa, (), last, z)


HIDDEN = {
    "fixed": (Precision.FIXED, np.full(MOST // 64 // 32, 32)),
    "binary": (Precision.BINARY, np.ones(2**16, np.int64)),
    "xnor": (Precision.XNOR, np.ones(2**16, np.int64)),
}


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize("name", HIDDEN)
def test_hidden_layers_at_their_bound(isa: str, name: str) -> None:
    """8 × 8 saturated pixels under a kernel of 8: the most taps that an output can have."""
    precision, weight = HIDDEN[name]
    channels = len(weight)
    before = layer(Deconvolution(1, channels, 8, 1, 0, 1), Precision.BINARY, np.ones(1, int))
    last = layer(Deconvolution(channels, 3, 8, 1, 7, 8), precision, weight)
    check(isa, (before,), last, ENDS[:1])


def check(isa: str, before: tuple[LayerSpec, ...], last: LayerSpec, z: NDArray[np.uint8]) -> None:
    """Each of the images' sums is the reference's, in int64, as far as float32 tells them apart."""
    x: NDArray[Any] = 2 * z.astype(np.int64)[:, None, None] - 255
    for each in before:
        x = reference.hidden(each, reference.sums(each, x))
    sums = reference.sums(last, x)
    assert np.abs(sums).max() <= INT32_MAX
    for image, at in zip(z, sums[:, 0, 0], strict=True):
        close = magnified(last, at.astype(np.float64))
        spec = GeneratorSpec((*before, close))
        expected = np.rint(reference.affine(close, at))
        np.testing.assert_array_equal(table_steps(spec, isa, image[None])[0, 0, 0], expected)
        assert np.all(np.abs(expected - 2047) <= 1)


def test_the_bounds_are_reached() -> None:
    """Were they not, the tests above would show little."""
    assert 255 * int(widest_fixed().sum()) > INT32_MAX - 255
    for sums in (128 * 2**16, 64 * int(HIDDEN["fixed"][1].sum())):
        assert 255 * sums > 0.99 * INT32_MAX


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_larger_k_is_refused(precision: Precision) -> None:
    """Also where no spec has checked it."""
    with pytest.raises(ValueError, match="c_in must be 1 … 65536, not 65537"):
        Deconvolution(2**16 + 1, 3, 8, 1, 0, 1)
    library = native.load()
    if library is None:
        pytest.skip("the C library was not built")
    for c_in, kernel in ((2**16, 8), (2**16 + 1, 8), (2**16, 9)):
        described = native._Layer(c_in, 3, kernel, 1, 0, 1, PRECISIONS.index(precision), 0)
        status = library.pbgen_prepared_bytes(ct.byref(described), 1, ct.byref(ct.c_size_t()))
        assert status == (0 if (c_in, kernel) == (2**16, 8) else 1)


@pytest.mark.skipif(not native.isas(), reason="the C library was not built")
@pytest.mark.parametrize(("kernel", "status"), [(1, 0), (2, 1)])
def test_a_larger_output_is_refused(kernel: int, status: int) -> None:
    """By the library too: 1 → 8 → 64 → 512 → 4096 → 4096 pixels, or 4097."""
    shapes = [(1, 1, 8, 8, 0, 8**i, 0, 0) for i in range(4)] + [(1, 3, kernel, 1, 0, 8**4, 0, 0)]
    layers = (native._Layer * len(shapes))(*(native._Layer(*shape) for shape in shapes))
    size = ct.c_size_t()
    library = native.load()
    assert library is not None
    assert library.pbgen_prepared_bytes(layers, len(shapes), ct.byref(size)) == status
