"""Random generators of any geometry, and ways to look closely at what kernels make of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from itertools import pairwise
from unittest.mock import patch

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from kernels import (
    Deconvolution,
    Generator,
    GeneratorSpec,
    LayerSpec,
    Precision,
    native,
    reference,
)
from kernels.spec import LARGEST_KERNEL
from kernels.tanh import LEVELS
from tests.factories import layer

EXAMPLES = int(os.environ.get("PBGEN_TEST_EXAMPLES", "200"))  # of a property

# On both sides of every multiple that a loop steps by.
WIDTHS = (1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257)
WIDTHS += (511, 512, 513, 640, 1023, 1024, 1025, 1100)
BATCHES = (1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 19, 33)
LARGEST_SIZE = 32  # of an input, pixels


@dataclass(frozen=True)
class Case:
    spec: GeneratorSpec
    seed: int
    batch: int


@st.composite
def cases(draw: st.DrawFn, precisions: tuple[Precision, ...], most_multiply_adds: float) -> Case:
    """A generator of one to four layers; the batch takes so many multiply-adds at most."""
    batch = draw(st.sampled_from(BATCHES))
    shapes = draw(chains(int(most_multiply_adds / batch)))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    layers = tuple(
        layer(
            shape,
            draw(st.sampled_from(precisions)),
            rng,
            first=i == 0,
            last=i == len(shapes) - 1,
        )
        for i, shape in enumerate(shapes)
    )
    return Case(GeneratorSpec(layers), seed, batch)


@st.composite
def chains(draw: st.DrawFn, most_multiply_adds: int, last_size: int = 40) -> list[Deconvolution]:
    """Geometry of one to four layers; every size and width is drawn among those that fit."""
    count = draw(st.integers(1, 4))
    sizes, windows = [1], []
    for i in range(count):
        largest = last_size if i == count - 1 else LARGEST_SIZE
        kernel = draw(st.integers(1, 5) | st.integers(1, LARGEST_KERNEL))
        # Padding, of kernel − 1 at most, keeps a stride of 1 within any bound. Half are 1 and 2:
        # larger ones leave few multiply-adds for channels.
        strides = [
            stride
            for stride in range(1, LARGEST_KERNEL + 1)
            if (sizes[-1] - 1) * stride + 2 - kernel <= largest
        ]
        stride = draw(st.sampled_from(strides[:2]) | st.sampled_from(strides))
        full = (sizes[-1] - 1) * stride + kernel
        paddings = [p for p in range(kernel) if 1 <= full - 2 * p <= largest]
        padding = draw(st.sampled_from(paddings))
        windows.append((kernel, stride, padding))
        sizes.append(full - 2 * padding)
    pixels = [kernel**2 * size**2 for (kernel, _, _), size in zip(windows, sizes, strict=False)]
    most = [max(3, most_multiply_adds // count // each) for each in pixels]  # c_in · c_out
    widths = [draw(width(most[0] // 3))]
    for i in range(1, count):
        widths.append(draw(width(min(most[i - 1] // widths[-1], most[i] // 3))))
    widths.append(3)
    return [
        Deconvolution(c_in, c_out, *window, size)
        for (c_in, c_out), window, size in zip(pairwise(widths), windows, sizes, strict=False)
    ]


def width(most: int) -> st.SearchStrategy[int]:
    """A number of channels."""
    most = max(1, min(most, WIDTHS[-1]))
    chosen = st.sampled_from([each for each in WIDTHS if each <= most]) | st.integers(1, most)
    registers = most // 64  # full ones are what AVX-512 looks up
    return chosen | st.integers(1, registers).map(lambda n: 64 * n) if registers else chosen


def with_denormals() -> GeneratorSpec:
    """A float generator of one pixel whose activations are denormal on the way, and then not."""
    one = Deconvolution(1, 1, 1, 1, 0, 1)
    numbers = ((one, 1, 1e-20, 0), (one, 1e-20, 1, 0), (one, 9e19, 1, 0))
    return GeneratorSpec(
        tuple(
            LayerSpec(
                shape,
                Precision.FLOAT,
                np.full((1, 1, shape.c_out, 1), weight, np.float32),
                np.full(shape.c_out, scale, np.float32),
                np.full(shape.c_out, shift, np.float32),
            )
            for shape, weight, scale, shift in (*numbers, (replace(one, c_out=3), 9e19, 3000, 0))
        )
    )


def table_steps(spec: GeneratorSpec, isa: str, latents: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Images as steps of the table of grey levels, 0 … 4095, not as levels."""
    read = []
    for digit in (np.arange(LEVELS) % 256, np.arange(LEVELS) // 256):
        table = digit.astype(np.uint8)
        with patch.object(native, "TANH", table), patch.object(reference, "TANH", table):
            read.append(Generator(spec, isa=isa).run(latents).astype(np.int64))
    return read[0] + 256 * read[1]


def magnified(last: LayerSpec, sums: NDArray[np.float64]) -> LayerSpec:
    """The last layer, with sums near these (one a channel) shown to float32's last bit.

    Its scale takes a sum to x = 2^23 … 2^24, where float32 counts in ones; its shift takes that to
    step 2047. Both are exact, so a sum that is n units in the last place away is n steps away.
    """
    scale = np.sign(sums) * 2.0 ** (24 - np.frexp(sums)[1])
    shift = 2047 - np.rint(sums * scale)
    return LayerSpec(
        last.geometry,
        last.precision,
        last.weight,
        scale.astype(np.float32),
        shift.astype(np.float32),
    )
