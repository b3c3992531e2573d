"""Are training faces memorized? Distances of images to their nearest training faces, in numbers.

The distance is the root mean square difference in grey levels, to a face or to its mirror image. A
copied face would lie far nearer than the faces of people who are not in the training set do (the
held-out ones), and far nearer than its own second neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data import Images

GATHERED = 256  # images at a time
PERCENTILES = (0, 1, 50)


@dataclass(frozen=True)
class Neighbours:
    """The smallest, the 1st percentile and the median, over `images`, of the distance to the
    nearest training face (grey levels), and of its ratio to the distance to the second nearest.
    """

    images: int
    distance: tuple[float, ...]
    ratio: tuple[float, ...]


def measure(images: Images, train: Images) -> Neighbours:
    """Neighbours of u8 images [N, s, s, 3] among training faces [M, s, s, 3]; M at least 2.

    Exact search in float32; a distance is good to a tenth of a grey level.
    """
    faces = _rows(train)
    squares = np.square(faces).sum(1)
    nearest = np.concatenate(
        [
            _two_nearest(images[start : start + GATHERED], faces, squares)
            for start in range(0, len(images), GATHERED)
        ]
    )
    nearest /= np.sqrt(faces.shape[1])
    ratio = nearest[:, 0] / np.maximum(nearest[:, 1], np.finfo(np.float32).tiny)
    return Neighbours(len(images), _percentiles(nearest[:, 0]), _percentiles(ratio))


def _rows(images: Images) -> NDArray[np.float32]:
    return images.reshape(len(images), -1).astype(np.float32) - np.float32(127.5)


def _two_nearest(
    images: Images, faces: NDArray[np.float32], squares: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Euclidean distances [n, 2] to the two nearest faces, the nearer first."""
    squared = np.full((len(images), len(faces)), np.inf, np.float32)
    for side in (images, images[:, :, ::-1]):
        rows = _rows(side)
        here = squares + np.square(rows).sum(1)[:, None] - 2 * (rows @ faces.T)
        np.minimum(squared, here, out=squared)
    nearest: NDArray[np.float32] = np.sqrt(np.maximum(np.partition(squared, 1, 1)[:, :2], 0))
    return nearest


def _percentiles(values: NDArray[np.float32]) -> tuple[float, ...]:
    return tuple(float(value) for value in np.percentile(values, PERCENTILES))
