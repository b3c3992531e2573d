"""Nearest training faces: a copy, a mirrored copy and a stranger."""

from __future__ import annotations

import numpy as np
import pytest

from training import neighbours


def faces(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), np.uint8)


def test_distances_are_those_of_the_definition() -> None:
    train, images = faces(40, seed=0), faces(3, seed=1)
    both = np.concatenate([train, train[:, :, ::-1]]).astype(float)
    by_image = []
    for image in images:
        rms = np.sqrt(np.square(both - image).mean((1, 2, 3)))
        by_face = np.sort(np.minimum(rms[:40], rms[40:]))
        by_image.append((by_face[0], by_face[0] / by_face[1]))
    expected = np.percentile(by_image, neighbours.PERCENTILES, axis=0)
    found = neighbours.measure(images, train)
    assert found.images == 3
    assert found.distance == pytest.approx(expected[:, 0], abs=0.01)
    assert found.ratio == pytest.approx(expected[:, 1], abs=1e-3)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_copied_face_stands_out(mirrored: bool) -> None:
    train = faces(600, seed=0)
    images = faces(300, seed=1)  # more than are searched at a time
    images[299] = train[7, :, ::-1] if mirrored else train[7]
    found = neighbours.measure(images, train)
    assert found.distance[0] < 0.05 < 10 < found.distance[2]
    assert found.ratio[0] < 0.001 < 0.5 < found.ratio[2]
