"""A teacher: a stored float generator whose image of the same latent a student is pulled towards.

Trained apart, the same seed draws a different person in each variant. With a teacher one seed is
one face in all of them, so that what binarization costs can be seen.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

import model_store
from kernels.spec import Precision
from kernels.tanh import CENTER, ONE
from training.networks import deconvolve


class Teacher:
    """A stored float generator in PyTorch, without gradients; `digest` names it in manifests.

    Raises ArtifactError for a model that cannot be read, ValueError for a binarized one.
    """

    def __init__(self, model: str, dtype: torch.dtype) -> None:
        stored = model_store.read(model)
        precisions = {layer.precision for layer in stored.spec.layers}
        if precisions != {Precision.FLOAT}:
            raise ValueError(f"a teacher must be a float generator; {stored.label} is not")
        self.digest, self.spec = stored.digest, stored.spec
        self._layers = [
            (
                layer.geometry,
                torch.tensor(np.multiply(layer.weight, layer.scale[:, None]))
                .permute(3, 2, 0, 1)
                .to(dtype),
                torch.tensor(layer.shift)[:, None, None].to(dtype),
            )
            for layer in stored.spec.layers
        ]

    @torch.no_grad()
    def __call__(self, latents: Tensor) -> Tensor:
        """Latents [N, D] in [−1, 1] → images [N, 3, s, s] in [−1, 1]."""
        x = latents[:, :, None, None]
        *hidden, (geometry, weight, shift) = self._layers
        for layer_geometry, layer_weight, layer_shift in hidden:
            x = F.relu(deconvolve(x, layer_weight, layer_geometry) + layer_shift)
        return torch.tanh((deconvolve(x, weight, geometry) + (shift - CENTER)) / ONE)
