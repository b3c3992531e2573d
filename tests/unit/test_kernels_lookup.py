"""Sums by look-up, at the edges of their loops: groups, bytes and words that are full, registers of
columns, bands of lines.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kernels import (
    Deconvolution,
    Generator,
    GeneratorSpec,
    LayerSpec,
    Precision,
    available_isas,
    latents,
    native,
    reference,
)
from kernels.packing import pack
from kernels.team import Team
from tests.factories import layer

REGISTER = 64  # columns; fewer are not looked up by AVX-512
# Around the inputs of a table (4, 6), of a byte of weights (8), of a group of these (24), of full
# bytes and of full words (256).
CHANNELS = (1, 4, 6, 7, 8, 9, 15, 16, 17, 23, 24, 25, 33, 47, 48, 49, 71, 72, 73, 96, 100, 144, 145)
CHANNELS += (216, 239, 240, 241, 247, 248, 255, 256, 257, 263, 264, 265, 272, 280, 320, 384, 496)
CHANNELS += (512, 528)


def between(
    channels: int, columns: int, size: int, kernel: int, stride: int, seed: int
) -> GeneratorSpec:
    """A generator whose second layer is binary and has these channels and columns."""
    shapes = [
        Deconvolution(5, channels, size, 1, 0, 1),
        Deconvolution(channels, columns, kernel, stride, kernel // 2, size),
    ]
    shapes.append(Deconvolution(columns, 3, 1, 1, 0, shapes[1].size_out))
    rng = np.random.default_rng(seed)
    kinds = (Precision.BINARY, Precision.BINARY, Precision.FIXED)
    made = [
        layer(shape, kind, rng, first=i == 0, last=i == 2)
        for i, (shape, kind) in enumerate(zip(shapes, kinds, strict=True))
    ]
    return GeneratorSpec(tuple(made))


@pytest.mark.parametrize("channels", CHANNELS)
def test_any_number_of_channels(channels: int) -> None:
    spec = between(channels, REGISTER * (1 + channels % 3), 2, 3, 1, seed=channels)
    z = latents(channels, 3, 5)
    expected = reference.run(spec, z)
    assert len(np.unique(expected)) > 9
    for isa in available_isas():
        np.testing.assert_array_equal(Generator(spec, isa=isa).run(z), expected, isa)


@pytest.mark.parametrize("columns", [1, 15, 16, 17, 32, 33, 63, 64, 65, 96, 128, 192, 256, 320])
def test_any_number_of_columns(columns: int) -> None:
    """Each has its own bits and shift: none comes in another's place."""
    spec = between(40, columns, 3, 4, 2, seed=columns)
    z = latents(columns, 2, 5)
    expected = reference.run(spec, z)
    for isa in available_isas():
        np.testing.assert_array_equal(Generator(spec, isa=isa).run(z), expected, isa)


@pytest.mark.skipif(not native.isas(), reason="the C library was not built")
@pytest.mark.parametrize("isa", native.isas())
@pytest.mark.parametrize(
    ("channels", "size", "kernel", "stride"), [(600, 8, 4, 2), (800, 7, 3, 1), (1400, 5, 5, 2)]
)
def test_bands_of_lines(isa: str, channels: int, size: int, kernel: int, stride: int) -> None:
    """Wide enough for several: they share lines of inputs, and a team's members make their own."""
    spec = between(channels, 3 * REGISTER, size, kernel, stride, seed=size)
    prepared = native.NativeGenerator(spec, isa)
    z = latents(size, 3, 5)
    expected = Generator(spec, isa="portable").run(z)
    np.testing.assert_array_equal(prepared.run(z), expected)
    for members in (2, 3, 7):
        for batch in (1, 3):
            drawn = Team(prepared, members).run(z[:batch])
            np.testing.assert_array_equal(drawn, expected[:batch])


@pytest.mark.parametrize("isa", available_isas())
def test_few_images_of_a_group_at_a_time(isa: str) -> None:
    """The second layer takes all of a group; those around it a few after the others."""
    shapes = (
        Deconvolution(8, REGISTER, 3, 1, 0, 1),
        Deconvolution(REGISTER, 40, 3, 1, 1, 3),
        Deconvolution(40, REGISTER, 3, 1, 1, 3),
        Deconvolution(REGISTER, 3, 3, 1, 1, 3),  # not combined: looked up with AVX2
    )
    kinds = (Precision.BINARY, Precision.FIXED, Precision.BINARY, Precision.BINARY)
    rng = np.random.default_rng(1)
    made = [
        layer(shape, kind, rng, first=i == 0, last=i == 3)
        for i, (shape, kind) in enumerate(zip(shapes, kinds, strict=True))
    ]
    spec = GeneratorSpec(tuple(made))
    z = latents(1, 19, 8)
    np.testing.assert_array_equal(Generator(spec, isa=isa).run(z), reference.run(spec, z))


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize("channels", [256, 2**16])
def test_the_largest_sums_of_a_hidden_layer(isa: str, channels: int) -> None:
    """All inputs are 255. Column n has n weights of −1, the others are +1; its output is 200 − n:
    sums that lost a carry would give none of these.
    """
    ones, rng = np.ones(channels, np.float32), np.random.default_rng(channels)
    first = LayerSpec(
        Deconvolution(1, channels, 1, 1, 0, 1),
        Precision.BINARY,
        pack(np.ones((1, 1, channels, 1))),
        ones,
        255 * ones,
    )
    weight = np.ones((1, 1, REGISTER, channels))
    for column in range(REGISTER):
        weight[0, 0, column, rng.permutation(channels)[:column]] = -1
    one_column = np.ones(REGISTER, np.float32)
    wide = LayerSpec(
        Deconvolution(channels, REGISTER, 1, 1, 0, 1),
        Precision.BINARY,
        pack(weight),
        one_column / 510,
        (200 - channels / 2) * one_column,
    )
    read = layer(
        Deconvolution(REGISTER, 3, 1, 1, 0, 1), Precision.FIXED, rng, first=False, last=True
    )
    z = np.full((1, 1), 255, np.uint8)
    hidden = reference.hidden(first, reference.sums(first, 2 * z[:, None, None].astype(int) - 255))
    np.testing.assert_array_equal(
        reference.hidden(wide, reference.sums(wide, hidden)).ravel(), 200 - np.arange(REGISTER)
    )
    for column in range(0, REGISTER, 3):  # three at a time, each as a grey level
        one_each = np.zeros((1, 1, 3, REGISTER), np.int16)
        one_each[0, 0, np.arange(3), np.arange(column, column + 3) % REGISTER] = 1
        seen = replace(read, weight=one_each, scale=ones[:3] * 8, shift=ones[:3] * 800)
        spec = GeneratorSpec((first, wide, seen))
        np.testing.assert_array_equal(Generator(spec, isa=isa).run(z), reference.run(spec, z), isa)
