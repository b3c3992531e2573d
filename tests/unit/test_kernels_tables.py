"""Bit order, the table of grey levels, and the reference's fused multiply-add."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
import pytest

from kernels.packing import pack, unpack
from kernels.reference import fma
from kernels.tanh import CENTER, LEVELS, ONE, TANH


def test_bit_order_is_least_significant_first_and_set_means_plus() -> None:
    signs = np.array([1, -1, -1, 1, -1, -1, -1, -1, 1])
    np.testing.assert_array_equal(pack(signs), [0b1001, 0b1])


@pytest.mark.parametrize("count", [1, 7, 8, 9, 63, 64, 65])
def test_unpack_undoes_pack(count: int) -> None:
    signs = np.random.default_rng(count).choice([-1, 1], (3, 2, count))
    packed = pack(signs)
    assert packed.shape == (3, 2, -(-count // 8))
    np.testing.assert_array_equal(unpack(packed, count), signs)


def test_zero_and_negative_zero_count_as_plus() -> None:
    np.testing.assert_array_equal(pack(np.array([0.0, -0.0, -1e-30])), [0b011])


def test_the_table_of_grey_levels_is_the_one_that_artifacts_were_made_for() -> None:
    digest = hashlib.sha256(TANH.tobytes()).hexdigest()
    assert digest == "9e34e2e776612e8599b9ab8cd8266aa629ce14ef7f864290b8fedd006c6a6d28"


def test_no_entry_hangs_on_the_last_bits_of_tanh() -> None:
    exact = 127.5 * (1 + np.tanh((np.arange(LEVELS) - CENTER) / ONE))
    from_boundary = np.abs(exact - np.floor(exact) - 0.5)
    ulp = np.spacing(127.5) * 4  # generous: a libm is off by one or two
    assert from_boundary.min() > 1000 * ulp


def test_the_table_rises_and_is_symmetric() -> None:
    assert (np.diff(TANH.astype(int)) >= 0).all()
    np.testing.assert_array_equal(TANH.astype(int) + TANH[::-1], 255)


def exactly(a: float, b: float, c: float) -> np.float32:
    """a · b + c rounded once, by rational arithmetic: the nearest of the candidates around it."""
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    near = np.float32(float(exact))
    candidates = (
        np.nextafter(near, np.float32(-np.inf)),
        near,
        np.nextafter(near, np.float32(np.inf)),
    )
    return min(
        candidates,
        key=lambda f: (abs(Fraction(float(f)) - exact), int(f.view(np.uint32)) & 1),
    )


def test_fma_rounds_once() -> None:
    rng = np.random.default_rng(0)
    a, b, c = rng.standard_normal((3, 3000)).astype(np.float32)
    b[:1000] = 1 + rng.integers(1, 9, 1000) * np.float32(2**-23)  # ties and near ties
    a[:1000] = 1 + rng.integers(1, 9, 1000) * np.float32(2**-23)
    c[:1000] = rng.integers(-4, 5, 1000) * np.float32(2**-24)
    c[500:1000] *= np.float32(2**-40)
    expected = [exactly(*map(float, row)) for row in zip(a, b, c, strict=True)]
    np.testing.assert_array_equal(fma(a, b, c), expected)
