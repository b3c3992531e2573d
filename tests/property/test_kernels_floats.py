"""Float sums, looked at bit by bit, where pictures would only show their grey levels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from numpy.typing import NDArray

from kernels import Deconvolution, GeneratorSpec, Precision, latents, native, reference
from tests import factories
from tests.kernel_cases import EXAMPLES, Case, cases, magnified, table_steps


def last_sums(spec: GeneratorSpec, z: NDArray[np.uint8], dtype: Any) -> NDArray[Any]:
    """The last layer's sums by the reference's loops, in float32 with FMA or in float64."""
    x = ((z.astype(dtype) - dtype(127.5)) / dtype(127.5))[:, None, None]
    for each in spec.layers[:-1]:
        acc = reference.sums(each, x)
        x = np.maximum(acc * each.scale + each.shift, dtype(0))
    return reference.sums(spec.layers[-1], x)


def with_one_pixel(case: Case) -> GeneratorSpec:
    """The generator of a case, continued by a layer that sums all it has into one pixel."""
    last = case.spec.layers[-1]
    c_in, size = last.geometry.c_out, last.geometry.size_out
    kernel = min(size, 8)
    shape = Deconvolution(c_in, 3, kernel, 1, kernel - 1, size)
    rng = np.random.default_rng(case.seed)
    hidden = replace(  # an image's scale and shift, taken to a hidden layer's
        last, scale=last.scale / np.float32(400), shift=np.full(3, 0.5, np.float32)
    )
    read = factories.layer(shape, Precision.FLOAT, rng, first=False, last=True)
    return GeneratorSpec((*case.spec.layers[:-1], hidden, read))


WIDE = Case(factories.generator("float", widths=(1024, 3), latent_dim=100), seed=1, batch=2)


@settings(max_examples=EXAMPLES // 3 + 1)
@given(case=cases((Precision.FLOAT,), 8e5))
@example(WIDE)
def test_sums_are_the_references_to_the_last_bit_and_near_float64(case: Case) -> None:
    """On every compiled instruction set; of each channel the largest value is read.

    (A small one may be the difference of large ones, which no float sum gives within 1e-4.)
    """
    spec = with_one_pixel(case)
    z = latents(case.seed, case.batch, spec.latent_dim)
    exact = last_sums(spec, z, np.float64).reshape(-1, 3)
    at, channels = np.abs(exact).argmax(axis=0), np.arange(3)
    last = magnified(spec.layers[-1], exact[at, channels])
    spec = GeneratorSpec((*spec.layers[:-1], last))
    sums = last_sums(spec, z, np.float32).reshape(-1, 3)
    expected = np.rint(reference.affine(last, sums))[at, channels]
    assert np.all(np.abs(expected - 2047) <= 1e-4 * 2**23), expected
    for isa in native.isas():
        steps = table_steps(spec, isa, z).reshape(-1, 3)[at, channels]
        np.testing.assert_array_equal(steps, expected, isa)
