"""Specs check themselves: what is refused names the value and the bound."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kernels import Deconvolution, GeneratorSpec, LayerSpec, Precision
from kernels.spec import INT32_MAX, LARGEST_FIXED, _check_reach
from tests import factories

SHAPE = Deconvolution(c_in=9, c_out=3, kernel=4, stride=2, padding=1, size_in=4)


def make(precision: Precision = Precision.FIXED, shape: Deconvolution = SHAPE) -> LayerSpec:
    return factories.layer(shape, precision, np.random.default_rng(0), first=False, last=True)


def test_geometry_follows_the_transposed_convolution() -> None:
    assert SHAPE.size_out == 8
    assert Deconvolution(100, 512, 4, 1, 0, 1).size_out == 4
    assert SHAPE.weight_count == 16 * 27
    assert SHAPE.multiply_adds == 16 * 27 * 16
    assert replace(SHAPE, size_in=2048).size_out == 4096  # the largest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"c_in": 0}, r"c_in must be 1 … 65536, not 0"),
        ({"c_out": 2**16 + 1}, r"c_out must be 1 … 65536, not 65537"),
        ({"kernel": 9}, r"kernel must be 1 … 8, not 9"),
        ({"stride": 0}, r"stride must be 1 … 8, not 0"),
        ({"stride": 2.0}, r"stride must be 1 … 8, not 2\.0"),
        ({"padding": 4}, r"padding must be 0 … 3, not 4"),
        ({"size_in": 5000}, r"size_in must be 1 … 4096, not 5000"),
        ({"kernel": "4"}, r"kernel must be 1 … 8, not '4'"),
        ({"kernel": True}, r"kernel must be 1 … 8, not True"),
        ({"padding": None}, r"padding must be 0 … 3, not None"),
        ({"kernel": 2, "size_in": 1, "padding": 1}, r"output must be 1 … 4096 pixels wide, not 0"),
        ({"size_in": 2049}, r"output must be 1 … 4096 pixels wide, not 4098"),
    ],
)
def test_impossible_geometry_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SHAPE, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"weight": np.zeros((4, 4, 3, 9), np.int32)},
            r"fixed weight must be int16 \[4, 4, 3, 9\]",
        ),
        ({"weight": np.zeros((4, 4, 9, 3), np.int16)}, r"not int16 \[4, 4, 9, 3\]"),
        ({"scale": np.ones(4, np.float32)}, r"scale must be float32 \[3\], not float32 \[4\]"),
        ({"shift": np.ones(3)}, r"shift must be float32 \[3\], not float64 \[3\]"),
        ({"scale": np.array([1, np.nan, 1], np.float32)}, "scale must be finite"),
        ({"shift": np.array([1, -np.inf, 1], np.float32)}, "shift must be finite"),
        ({"scale": np.full(3, 2e20, np.float32)}, r"within ±1e\+20, not 2e\+20"),
        ({"weight": np.full((4, 4, 3, 9), 32640, np.int16)}, "within ±32639, not ±32640"),
    ],
)
def test_wrong_arrays_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(make(), **change)


def test_the_largest_scale_is_the_bound_as_float32() -> None:
    """Which is a little more than 1e20."""
    largest = np.full(3, 1e20, np.float32)
    replace(make(), scale=largest, shift=-largest)
    with pytest.raises(ValueError, match=r"scale must be finite and within ±1e\+20"):
        replace(make(), scale=np.nextafter(largest, np.float32(np.inf)))


@pytest.mark.parametrize("precision", [Precision.FIXED, Precision.FLOAT])
def test_weights_are_checked_without_copies_of_all(precision: Precision) -> None:
    shape = Deconvolution(c_in=256, c_out=128, kernel=4, stride=2, padding=1, size_in=4)
    made = make(precision, shape)
    tracemalloc.start()
    try:
        layer = replace(made)
        if precision is Precision.FLOAT:
            _check_reach((layer,))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.25 * made.weight.nbytes


def test_infinite_float_weights_are_refused() -> None:
    weight = np.zeros((4, 4, 3, 9), np.float32)
    weight[1, 2, 0, 3] = np.inf
    with pytest.raises(ValueError, match="float weight must be finite"):
        replace(make(Precision.FLOAT), weight=weight)


def test_sums_that_could_overflow_are_refused_and_the_largest_that_cannot_are_not() -> None:
    most = INT32_MAX // 255
    shape = Deconvolution(most // LARGEST_FIXED + 1, 3, 1, 1, 0, 1)
    weight = np.full((1, 1, 3, shape.c_in), -LARGEST_FIXED, np.int16)
    weight[..., -1] = most - LARGEST_FIXED * (shape.c_in - 1)
    fits = replace(make(shape=shape), weight=weight)
    weight = weight.copy()
    weight[..., 1, -1] += 1
    with pytest.raises(ValueError, match=rf"must be at most {INT32_MAX}, not {255 * (most + 1)}"):
        replace(fits, weight=weight)


def test_a_precision_may_be_given_by_name_and_is_checked_all_the_same() -> None:
    assert replace(make(), precision="fixed").precision is Precision.FIXED
    with pytest.raises(ValueError, match="within ±32639, not ±32640"):
        replace(make(), precision="fixed", weight=np.full((4, 4, 3, 9), 32640, np.int16))
    with pytest.raises(ValueError, match="'ternary' is not a valid Precision"):
        replace(make(), precision="ternary")


def test_the_widest_binary_layer_fits() -> None:
    """The bounds of geometry keep every binary layer's sums inside int32."""
    shape = Deconvolution(2**16, 1, 8, 1, 0, 1)
    one = np.ones(1, np.float32)
    LayerSpec(shape, Precision.BINARY, np.zeros((8, 8, 1, 2**13), np.uint8), one, one)


def chain(*layers: LayerSpec) -> GeneratorSpec:
    return GeneratorSpec(layers)


def test_layers_that_do_not_make_a_generator_are_refused() -> None:
    first, second, last = factories.generator().layers
    chain(first, second, last)
    with pytest.raises(ValueError, match=r"1 … 16 layers, not 0"):
        chain()
    with pytest.raises(ValueError, match="layer 0 must have size_in 1, not 4"):
        chain(second, last)
    with pytest.raises(ValueError, match="layer 1 takes 8 channels of 8 pixels, but layer 0 gives"):
        chain(first, last)
    with pytest.raises(ValueError, match="last layer must give 3 channels, not 8"):
        chain(first, second)
    with pytest.raises(ValueError, match="all layers or none must be float, not 1 of 3"):
        chain(first, second, factories.generator("float").layers[-1])


def test_float_layers_whose_sums_could_reach_infinity_are_refused() -> None:
    spec = factories.generator("float")
    huge = [replace(layer, weight=layer.weight * np.float32(1e19)) for layer in spec.layers]
    with pytest.raises(ValueError, match=r"values of layer \d must stay within ±1e\+38"):
        GeneratorSpec(tuple(huge))
