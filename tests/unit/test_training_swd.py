"""Sliced Wasserstein distance: against a slow independent computation, and on known distances."""

from __future__ import annotations

import numpy as np
import pytest

from training import swd

RNG_SEED = 5


def _images(count: int, size: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), np.uint8)


def _slow_filter(image: np.ndarray) -> np.ndarray:
    """The 5×5 binomial filter on [s, s] by its definition; borders mirror without repeating the
    edge.
    """
    taps = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    size = len(image)
    result = np.zeros_like(image)
    for y in range(size):
        for x in range(size):
            for dy in range(-2, 3):
                for dx in range(-2, 3):
                    sy, sx = abs(y + dy), abs(x + dx)
                    sy, sx = min(sy, 2 * size - 2 - sy), min(sx, 2 * size - 2 - sx)
                    result[y, x] += taps[dy + 2, dx + 2] * image[sy, sx]
    return result


def test_the_pyramid_is_the_slow_one() -> None:
    images = _images(1, 32, seed=1)
    fine, coarse = swd.laplacian_pyramid(images)
    for channel in range(3):
        plane = images[0, :, :, channel].astype(float)
        smaller = _slow_filter(plane)[::2, ::2]
        spread = np.zeros_like(plane)
        spread[::2, ::2] = smaller
        np.testing.assert_allclose(coarse[0, channel], smaller, rtol=1e-5)
        np.testing.assert_allclose(fine[0, channel], plane - 4 * _slow_filter(spread), atol=1e-3)


def test_the_levels_end_at_sixteen_pixels() -> None:
    levels = swd.laplacian_pyramid(_images(2, 64, seed=2))
    assert [level.shape for level in levels] == [(2, 3, 64, 64), (2, 3, 32, 32), (2, 3, 16, 16)]


def test_descriptors_are_patches_of_their_image_normalized_by_channel() -> None:
    level = np.random.default_rng(3).normal(5, 3, (4, 3, 16, 16)).astype(np.float32)
    found = swd.descriptors(level, np.random.default_rng(RNG_SEED))
    assert found.shape == (4 * 128, 3 * 7 * 7)
    channels = found.reshape(-1, 3, 49).transpose(1, 0, 2).reshape(3, -1)
    np.testing.assert_allclose(channels.mean(1), 0, atol=1e-4)
    np.testing.assert_allclose(channels.std(1), 1, atol=1e-4)
    # Undo the normalization of one descriptor: it must be a 7×7 window of image 1.
    rng = np.random.default_rng(RNG_SEED)
    y, x = rng.integers(3, 13, 512), rng.integers(3, 13, 512)
    windows = np.stack(
        [level[i // 128, :, y[i] - 3 : y[i] + 4, x[i] - 3 : x[i] + 4] for i in range(512)]
    ).astype(float)
    mean, deviation = windows.mean((0, 2, 3)), windows.std((0, 2, 3))
    expected = (windows[200] - mean[:, None, None]) / deviation[:, None, None]
    np.testing.assert_allclose(found[200].reshape(3, 7, 7), expected, rtol=1e-4, atol=1e-4)


def test_the_distance_is_the_slow_one() -> None:
    a, b = (np.random.default_rng(s).normal(s, 1 + s, (40, 9)).astype(np.float32) for s in (0, 1))
    rng = np.random.default_rng(RNG_SEED)
    distances = []
    for _ in range(4):
        for direction in rng.standard_normal((128, 9), dtype=np.float32).astype(float):
            unit = direction / np.linalg.norm(direction)
            pairs = zip(
                sorted(float(v @ unit) for v in a), sorted(float(v @ unit) for v in b), strict=True
            )
            distances.append(np.mean([abs(p - q) for p, q in pairs]))
    found = swd.sliced_wasserstein(a, b, np.random.default_rng(RNG_SEED))
    assert found == pytest.approx(np.mean(distances), rel=1e-5)


def test_a_shift_is_as_far_as_its_projections() -> None:
    """Moved by v, a set is E|d·v| away over unit directions d: |v| · Γ(n/2) / (√π Γ((n+1)/2)); 1/2
    · |v| for n = 3.
    """
    a = np.random.default_rng(7).normal(size=(100, 3)).astype(np.float32)
    b = a + np.array([0, 4, 0], np.float32)
    assert swd.sliced_wasserstein(a, b, np.random.default_rng(0)) == pytest.approx(2, rel=0.06)


def test_the_same_set_in_another_order_is_at_distance_zero() -> None:
    a = np.random.default_rng(8).normal(size=(64, 5)).astype(np.float32)
    assert swd.sliced_wasserstein(a, a[::-1].copy(), np.random.default_rng(0)) < 1e-6


def test_blurred_images_are_farther_than_other_noise() -> None:
    noise, other = _images(32, 64, seed=9), _images(32, 64, seed=10)
    flat = np.repeat(np.repeat(other[:, ::4, ::4], 4, axis=1), 4, axis=2)
    near, far = swd.swd(noise, other), swd.swd(noise, flat)
    assert near.keys() == {"64", "32", "16", "mean"}
    assert near["mean"] == pytest.approx((near["64"] + near["32"] + near["16"]) / 3)
    assert far["64"] > 1.5 * near["64"]


def test_sets_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        swd.swd(_images(3, 16, seed=1), _images(4, 16, seed=1))


def test_flat_images_have_a_finite_distance() -> None:
    flat = np.full((4, 64, 64, 3), 127, np.uint8)
    assert swd.swd(flat, flat)["mean"] == 0
    assert 100 < swd.swd(flat, _images(4, 64, seed=11))["mean"] < 2000
