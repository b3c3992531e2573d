"""Every instruction set at hand gives the reference's pixels: any geometry, split and team."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kernels import (
    Deconvolution,
    Generator,
    GeneratorSpec,
    Precision,
    available_isas,
    latents,
    native,
    reference,
)
from kernels.generator import NUMPY
from kernels.team import Team
from tests.factories import layer
from tests.kernel_cases import EXAMPLES, Case, cases

INTEGERS = (Precision.BINARY, Precision.FIXED, Precision.XNOR)


def ways(
    spec: GeneratorSpec, isa: str, z: NDArray[np.uint8], split: int, members: int
) -> Iterator[NDArray[np.uint8]]:
    """The images of one call, of two, and of a team's."""
    if isa == NUMPY:
        yield Generator(spec, isa=isa).run(z)
        return
    prepared = native.NativeGenerator(spec, isa)
    yield prepared.run(z)
    yield np.concatenate([prepared.run(z[:split]), prepared.run(z[split:])])
    yield Team(prepared, members).run(z)


@settings(max_examples=EXAMPLES)
@given(case=cases(INTEGERS, 2e7), data=st.data())
def test_integer_generators_match_the_reference(case: Case, data: st.DataObject) -> None:
    z = latents(case.seed, case.batch, case.spec.latent_dim)
    expected = reference.run(case.spec, z)
    split, members = data.draw(st.integers(0, case.batch)), data.draw(st.integers(2, 3))
    for isa in available_isas():
        for images in ways(case.spec, isa, z, split, members):
            np.testing.assert_array_equal(images, expected, isa)


@settings(max_examples=EXAMPLES // 3 + 1)
@given(case=cases((Precision.FLOAT,), 1e6), data=st.data())
def test_float_generators_match_the_reference(case: Case, data: st.DataObject) -> None:
    z = latents(case.seed, case.batch, case.spec.latent_dim)
    expected = reference.run(case.spec, z)
    split, members = data.draw(st.integers(0, case.batch)), data.draw(st.integers(2, 3))
    for isa in available_isas():
        for images in ways(case.spec, isa, z, split, members):
            if isa != NUMPY:
                np.testing.assert_array_equal(images, expected, isa)
            else:  # sums in another order; one beside a rounding boundary moves a grey level by one
                assert np.abs(images.astype(int) - expected).max(initial=0) <= 1, isa


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize("precision", INTEGERS)
@pytest.mark.parametrize("channels", [1024, 1100])
def test_wide_layers_match_the_reference(isa: str, precision: Precision, channels: int) -> None:
    rng = np.random.default_rng(channels)
    shapes = (Deconvolution(7, channels, 3, 1, 0, 1), Deconvolution(channels, 3, 4, 2, 1, 3))
    first = layer(shapes[0], Precision.BINARY, rng, first=True, last=False)
    spec = GeneratorSpec((first, layer(shapes[1], precision, rng, first=False, last=True)))
    z = latents(1, 3, 7)
    np.testing.assert_array_equal(Generator(spec, isa=isa).run(z), reference.run(spec, z))
