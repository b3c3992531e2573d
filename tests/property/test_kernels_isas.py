"""Every instruction set at hand gives the reference's pixels, on random geometry and any split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kernels import (
    Deconvolution,
    Generator,
    GeneratorSpec,
    Precision,
    available_isas,
    latents,
    reference,
)
from kernels.generator import NUMPY
from tests.factories import layer

WIDTHS = (1, 2, 3, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100)
INTEGERS = (Precision.BINARY, Precision.FIXED)


@dataclass(frozen=True)
class Case:
    spec: GeneratorSpec
    seed: int


@st.composite
def cases(draw: st.DrawFn, precisions: tuple[Precision, ...], most_multiply_adds: float) -> Case:
    """A generator of one to four layers of any geometry."""
    count = draw(st.integers(1, 4))
    shapes: list[Deconvolution] = []
    for i in range(count):
        size_in = shapes[-1].size_out if shapes else 1
        kernel = draw(st.integers(1, 5))
        stride = draw(st.integers(1, 2))
        padding = draw(st.integers(0, kernel - 1))
        size_out = (size_in - 1) * stride - 2 * padding + kernel
        assume(1 <= size_out <= 40)
        c_in = shapes[-1].c_out if shapes else draw(st.sampled_from(WIDTHS))
        c_out = 3 if i == count - 1 else draw(st.sampled_from(WIDTHS))
        shapes.append(Deconvolution(c_in, c_out, kernel, stride, padding, size_in))
    assume(sum(shape.multiply_adds for shape in shapes) <= most_multiply_adds)
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    layers = tuple(
        layer(shape, draw(st.sampled_from(precisions)), rng, first=i == 0, last=i == count - 1)
        for i, shape in enumerate(shapes)
    )
    return Case(GeneratorSpec(layers), seed)


def in_parts(generator: Generator, z: np.ndarray, first: int) -> np.ndarray:
    return np.concatenate([generator.run(z[:first]), generator.run(z[first:])])


@settings(max_examples=150)
@given(case=cases(INTEGERS, 4e6), batch=st.integers(1, 20), data=st.data())
def test_integer_generators_match_the_reference(
    case: Case, batch: int, data: st.DataObject
) -> None:
    z = latents(case.seed, batch, case.spec.latent_dim)
    expected = reference.run(case.spec, z)
    split = data.draw(st.integers(0, batch))
    for isa in available_isas():
        generator = Generator(case.spec, isa=isa)
        np.testing.assert_array_equal(generator.run(z), expected, isa)
        np.testing.assert_array_equal(in_parts(generator, z, split), expected, isa)


@settings(max_examples=60)
@given(case=cases((Precision.FLOAT,), 3e5), batch=st.integers(1, 20), data=st.data())
def test_float_generators_match_the_reference(case: Case, batch: int, data: st.DataObject) -> None:
    z = latents(case.seed, batch, case.spec.latent_dim)
    expected = reference.run(case.spec, z)
    split = data.draw(st.integers(0, batch))
    for isa in available_isas():
        generator = Generator(case.spec, isa=isa)
        images = generator.run(z)
        if isa != NUMPY:
            np.testing.assert_array_equal(images, expected, isa)
            np.testing.assert_array_equal(in_parts(generator, z, split), expected, isa)
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
