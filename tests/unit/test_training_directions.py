"""Latent directions: what the first layer answers to most, whatever holds its weights."""

from __future__ import annotations

import numpy as np
import pytest

from kernels import LayerSpec, Precision, packing, reference
from model_store import Store
from tests import factories
from training.directions import DECIMALS, LARGEST_COUNT, directions


def first_layer(layer: LayerSpec) -> np.ndarray:
    """The layer's matrix, [outputs, latents], by running it on each latent alone."""
    dim = layer.geometry.c_in
    ones = np.eye(dim, dtype=np.int64)[:, None, None]
    sums = reference.sums(layer, ones.astype(np.float32) if layer.precision == "float" else ones)
    return (sums * layer.scale).reshape(dim, -1).T.astype(float)


@pytest.mark.parametrize("variant", factories.VARIANTS)
def test_no_other_direction_moves_the_first_layer_more(variant: factories.Variant) -> None:
    spec = factories.generator(variant)
    matrix = first_layer(spec.layers[0])
    found = directions(spec)
    assert len(found) == LARGEST_COUNT
    vectors = np.array([each["vector"] for each in found])
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(LARGEST_COUNT), atol=1e-3)
    moved = (np.linalg.norm(matrix @ vectors.T, axis=0) / np.linalg.norm(matrix)) ** 2
    np.testing.assert_allclose([each["share"] for each in found], moved, atol=1e-3)
    assert (np.diff(moved) < 0).all()
    others = np.random.default_rng(0).standard_normal((matrix.shape[1], 1000))
    others /= np.linalg.norm(others, axis=0)
    assert (np.linalg.norm(matrix @ others, axis=0) / np.linalg.norm(matrix)).max() ** 2 < moved[0]


@pytest.mark.parametrize("precision", [Precision.BINARY, Precision.XNOR])
def test_a_direction_that_is_planted_is_found(precision: Precision) -> None:
    spec = factories.generator("full", widths=(64, 3), latent_dim=8)
    signs = np.random.default_rng(1).choice([-1, 1], (4, 4, 64, 8))
    signs[..., 3] = signs[..., 5]  # latents 3 and 5 always act together
    layer = spec.layers[0]
    planted = LayerSpec(layer.geometry, precision, packing.pack(signs), layer.scale, layer.shift)
    vector = directions(type(spec)((planted, *spec.layers[1:])))[0]["vector"]
    expected = np.zeros(8)
    expected[[3, 5]] = 0.5**0.5
    np.testing.assert_allclose(vector, expected, atol=0.1)


@pytest.mark.parametrize("variant", factories.VARIANTS)
def test_the_shipped_artifacts_hold_theirs(variant: str) -> None:
    shipped = Store().open(variant)
    for told, made in zip(shipped.manifest["directions"], directions(shipped.spec), strict=True):
        np.testing.assert_allclose(told["vector"], made["vector"], atol=2 * 10**-DECIMALS)
