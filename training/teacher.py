"""A teacher: a stored float generator that a student starts from, and is pulled towards.

Trained apart, the same seed draws a different person in each variant. With a teacher one seed is
one face in all of them, so that what binarization costs can be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

import kernels
import model_store
from kernels.spec import Deconvolution, LayerSpec, Precision
from kernels.tanh import CENTER, ONE
from training.networks import Generator, decode_latents, deconvolve

START_SEED, START_LATENTS = 1 << 33, 512

Array = NDArray[np.floating]


class Teacher:
    """A stored float generator in PyTorch, without gradients; `digest` names it in manifests.

    Raises ArtifactError for a model that cannot be read, ValueError for a binarized one.
    """

    def __init__(self, model: str, dtype: torch.dtype) -> None:
        stored = model_store.read(model)
        precisions = {layer.precision for layer in stored.spec.layers}
        if precisions != {Precision.FLOAT}:
            raise ValueError(f"a teacher must be a float generator; {stored.label} is not")
        self.digest, self.spec, self.dtype = stored.digest, stored.spec, dtype
        *hidden, last = stored.spec.layers
        # Tanh's argument from steps of its table, in float32: bfloat16's own are 8 or 16 at CENTER.
        self._bias = (last.shift - CENTER) / ONE  # [3]
        self._layers = [
            *(self._layer(layer, layer.scale, layer.shift) for layer in hidden),
            self._layer(last, last.scale / ONE, self._bias),
        ]

    def _layer(
        self, layer: LayerSpec, scale: Array, shift: Array
    ) -> tuple[Deconvolution, Tensor, Tensor]:
        """Geometry, weights [c_in, c_out, k, k] times their scale, and shift [c_out, 1, 1]."""
        weight = torch.tensor(np.multiply(layer.weight, scale[:, None])).permute(3, 2, 0, 1)
        return (
            layer.geometry,
            weight.to(self.dtype),
            torch.tensor(shift)[:, None, None].to(self.dtype),
        )

    @torch.no_grad()
    def __call__(self, latents: Tensor) -> Tensor:
        """Latents [N, D] in [−1, 1] → images [N, 3, s, s] in [−1, 1]."""
        *_, last = self._sums(latents)
        return torch.tanh(last)

    def _sums(self, latents: Tensor) -> Iterator[Tensor]:
        """What each hidden layer's ReLU takes, and last what tanh does."""
        x = latents[:, :, None, None]
        for geometry, weight, shift in self._layers:
            sums = deconvolve(x, weight, geometry) + shift
            yield sums
            x = F.relu(sums)

    @torch.no_grad()
    def start(self, student: Generator) -> None:
        """Gives a student the teacher's weights, whose signs it keeps where it is binarized, and
        its batch norms the spread and mean of the teacher's channels.

        Raises ValueError for a student of another geometry.
        """
        theirs = [layer.geometry for layer in self.spec.layers]
        ours = [layer.geometry for layer in student.weighted()]
        if theirs != ours:
            raise ValueError(
                f"a teacher must be as wide as its student, {ours[-1].c_in}, not {theirs[-1].c_in}"
            )
        for stored, layer in zip(self.spec.layers, student.weighted(), strict=True):
            layer.weight.copy_(torch.tensor(stored.weight).permute(3, 2, 0, 1))
        student.bias.copy_(torch.from_numpy(self._bias))
        latents = torch.from_numpy(kernels.latents(START_SEED, START_LATENTS))
        sums = self._sums(decode_latents(latents, self.dtype))
        norms: Iterable[Any] = student.norms
        for norm, channels in zip(norms, sums, strict=False):
            norm.weight.copy_(channels.float().std((0, 2, 3)))
            norm.bias.copy_(channels.float().mean((0, 2, 3)))
