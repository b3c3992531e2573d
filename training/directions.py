"""The latent directions that a generator's first layer answers to most.

The first layer is linear: what a step along a direction of unit length changes in its sums is
largest along the right singular vectors of its weights, the first one most (Shen and Zhou,
"Closed-Form Factorization of Latent Semantics in GANs", CVPR 2021, https://arxiv.org/abs/2007.06600).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kernels import GeneratorSpec
from kernels.reference import weights
from model_store.manifest import Direction

LARGEST_COUNT = 6
DECIMALS = 4


def directions(spec: GeneratorSpec) -> list[Direction]:
    """The strongest directions first; one and its opposite are the same, and that is given whose
    largest number is positive.
    """
    _, strengths, vectors = np.linalg.svd(_first_layer(spec), full_matrices=False)
    shares = strengths**2 / (strengths**2).sum()
    found = []
    for share, vector in zip(shares[:LARGEST_COUNT], vectors, strict=False):
        towards = vector * np.sign(vector[np.abs(vector).argmax()])
        found.append(
            Direction(
                share=round(float(share), DECIMALS),
                vector=[round(float(part), DECIMALS) for part in towards],
            )
        )
    return found


def _first_layer(spec: GeneratorSpec) -> NDArray[np.float64]:
    """The first layer as a matrix, latents → outputs before the shift: [k · k · c_out, c_in]."""
    layer = spec.layers[0]
    scaled: NDArray[np.float64] = weights(layer).astype(np.float64) * layer.scale[:, None]
    return scaled.reshape(-1, layer.geometry.c_in)
