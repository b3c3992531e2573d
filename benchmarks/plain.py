"""A float generator as other runtimes write it: plain weights and biases, latents and images in
[−1, 1], or a PyTorch module of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels import tanh
from kernels.spec import Deconvolution, GeneratorSpec


@dataclass(frozen=True)
class PlainLayer:
    """A float layer whose scale and shift are folded into weight and bias."""

    geometry: Deconvolution
    weight: NDArray[np.float32]  # [c_in, c_out, k, k]
    bias: NDArray[np.float32]  # [c_out]
    activation: str  # "Relu" or "Tanh"


def plain_layers(spec: GeneratorSpec) -> Iterator[PlainLayer]:
    """The layers of a float generator; the last one's outputs are tanh's argument itself."""
    for layer in spec.layers:
        last = layer is spec.layers[-1]
        one, zero = (tanh.ONE, tanh.CENTER) if last else (1, 0)
        scale = layer.scale / np.float32(one)
        weight = (layer.weight.astype(np.float32) * scale[:, None]).transpose(3, 2, 0, 1)
        bias = ((layer.shift - zero) / one).astype(np.float32)
        activation = "Tanh" if last else "Relu"
        yield PlainLayer(layer.geometry, np.ascontiguousarray(weight), bias, activation)


def decoded(drawn: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Latents as the peers take them: u8 [N, D] → f32 [N, D, 1, 1] in [−1, 1]."""
    return ((drawn.astype(np.float32) - np.float32(127.5)) / np.float32(127.5))[:, :, None, None]


def grey_levels(images: Any) -> NDArray[np.uint8]:
    """Any runtime's images (f32 [N, 3, s, s], or u8) as the kernels give them: u8 [N, s, s, 3]."""
    array = np.asarray(images.float() if hasattr(images, "float") else images)
    if array.dtype == np.uint8:
        return array
    grey = np.rint(127.5 * (1 + array.astype(np.float64))).astype(np.uint8)
    return np.ascontiguousarray(grey.transpose(0, 2, 3, 1))


def torch_network(spec: GeneratorSpec) -> Any:
    """A float generator as `torch.nn.Sequential`: latents f32 [N, D, 1, 1] → images f32
    [N, 3, s, s].
    """
    import torch

    modules: list[torch.nn.Module] = []
    for layer in plain_layers(spec):
        g = layer.geometry
        deconvolution = torch.nn.ConvTranspose2d(g.c_in, g.c_out, g.kernel, g.stride, g.padding)
        state = {"weight": layer.weight, "bias": layer.bias}
        deconvolution.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})
        activation = torch.nn.ReLU() if layer.activation == "Relu" else torch.nn.Tanh()
        modules += [deconvolution, activation]
    return torch.nn.Sequential(*modules).eval()
