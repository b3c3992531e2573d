"""The DCGAN generator and discriminator (Radford et al., arXiv 1511.06434), any subset of their
layers binarized.

The discriminator mirrors the generator: its layer i is the convolution whose adjoint has the shape
of the generator's layer −1 − i, so one tuple of binary flags, in the generator's order, speaks for
both. Networks compute in the dtype of their input (float32 or bfloat16); parameters stay float32.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kernels.spec import Deconvolution
from training import overlap
from training.binarize import binarize, scale, signs
from training.parallel import BatchNorm

LATENT_LEVELS = 256  # the latent cube U(−1, 1)^100 is a grid: byte q means (q − 127.5) / 127.5
SLOPE = 0.2  # of LeakyReLU


def decode_latents(latents: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """u8 [N, D] on the 256-level grid → values in [−1, 1] of `dtype`."""
    return ((latents.float() - 127.5) / 127.5).to(dtype)


class Layer(nn.Module):
    """Weights [c_in, c_out, k, k] of one layer, binarized or not; the generator's geometry in both
    networks.

    `normed`: batch norm follows, and makes a scale for each channel needless. In memory c_out comes
    last, as the matrix products of `overlap` take it.
    """

    def __init__(
        self, geometry: Deconvolution, binary: bool, normed: bool, channel_dim: int
    ) -> None:
        super().__init__()
        self.geometry, self.binary, self.normed = geometry, binary, normed
        self.channel_dim = channel_dim
        shape = (geometry.c_in, geometry.c_out, geometry.kernel, geometry.kernel)
        weight = torch.randn(shape) * 0.02
        self.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))

    def effective_weight(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """The weights that the layer computes with."""
        if not self.binary:
            return self.weight.to(dtype)
        if self.normed:
            return signs(self.weight, dtype)
        return binarize(self.weight, self.channel_dim, dtype)

    def scale(self) -> Tensor:
        """What a binarized layer's signs are multiplied with: [c_out] as the network sees it."""
        means = scale(self.weight, self.channel_dim).flatten()
        return torch.ones_like(means) if self.normed else means


class DeconvolutionLayer(Layer):
    """A transposed convolution of the generator: [N, c_in, s, s] → [N, c_out, s', s']."""

    def __init__(self, geometry: Deconvolution, binary: bool, normed: bool) -> None:
        super().__init__(geometry, binary, normed, channel_dim=1)

    def forward(self, x: Tensor) -> Tensor:
        return deconvolve(x, self.effective_weight(x.dtype), self.geometry)


class ConvolutionLayer(Layer):
    """A convolution of the discriminator, the adjoint of a deconvolution: `convolve` with
    `effective_weight`, which several batches share.
    """

    def __init__(self, geometry: Deconvolution, binary: bool, normed: bool) -> None:
        super().__init__(geometry, binary, normed, channel_dim=0)


def deconvolve(x: Tensor, weight: Tensor, geometry: Deconvolution) -> Tensor:
    """[N, c_in, s, s] → [N, c_out, s', s'] by the faster of two ways."""
    way = overlap.deconvolve if overlap.pays(geometry) else _conv_transpose2d
    return way(x, weight, geometry.stride, geometry.padding)


def convolve(x: Tensor, weight: Tensor, geometry: Deconvolution) -> Tensor:
    """[N, c_out, s', s'] → [N, c_in, s, s], the adjoint of `deconvolve`."""
    way = overlap.convolve if overlap.pays(geometry) else _conv2d
    return way(x, weight, geometry.stride, geometry.padding)


def _conv_transpose2d(x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    return F.conv_transpose2d(x, weight, None, stride, padding)


def _conv2d(x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    return F.conv2d(x, weight, None, stride, padding)


class _Network(nn.Module):
    """Weighted layers in order, and the norms between them."""

    layers: nn.ModuleList
    norms: nn.ModuleList

    def weighted(self) -> list[Layer]:
        """The layers in order, by their own type."""
        return [layer for layer in self.layers if isinstance(layer, Layer)]


class Generator(_Network):
    """Latents [N, latent_dim] in [−1, 1] → images [N, 3, s, s] in [−1, 1]; `binary` has a flag for
    each layer.
    """

    def __init__(self, geometry: tuple[Deconvolution, ...], binary: tuple[bool, ...]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            DeconvolutionLayer(g, flag, normed=g is not geometry[-1])
            for g, flag in zip(geometry, binary, strict=True)
        )
        self.norms = nn.ModuleList(BatchNorm(g.c_out) for g in geometry[:-1])
        self.bias = nn.Parameter(torch.zeros(geometry[-1].c_out))

    def forward(self, latents: Tensor) -> Tensor:
        x = latents[:, :, None, None]
        for layer, norm in zip(self.layers, self.norms, strict=False):
            x = F.relu_(norm(layer(x)))
        return torch.tanh(self.layers[-1](x) + self.bias[:, None, None].to(x.dtype))


class Discriminator(_Network):
    """Images [N, 3, s, s] in [−1, 1] → logits [N] (float32), real faces high; `binary` in the
    generator's order.

    Several batches share the work on the weights, not their statistics. `batch_norm=False` gives a
    critic whose logits do not depend on the other images of a batch: layer norm instead.
    """

    def __init__(
        self,
        geometry: tuple[Deconvolution, ...],
        binary: tuple[bool, ...],
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        head = geometry[0]
        logit = Deconvolution(1, head.c_out, head.kernel, head.stride, head.padding, head.size_in)
        mirrored = (*reversed(geometry[1:]), logit)
        normed = mirrored[1:-1]
        self.layers = nn.ModuleList(
            ConvolutionLayer(g, flag, normed=batch_norm and g in normed)
            for g, flag in zip(mirrored, reversed(binary), strict=True)
        )
        self.norms = nn.ModuleList(
            BatchNorm(g.c_in) if batch_norm else nn.GroupNorm(1, g.c_in) for g in normed
        )

    def forward(self, *batches: Tensor) -> list[Tensor]:
        xs, (*hidden, last) = list(batches), self.weighted()
        for layer, norm in zip(hidden, (nn.Identity(), *self.norms), strict=True):
            weight = layer.effective_weight(xs[0].dtype)
            xs = [F.leaky_relu_(norm(convolve(x, weight, layer.geometry)), SLOPE) for x in xs]
        weight = last.effective_weight(xs[0].dtype)
        return [convolve(x, weight, last.geometry).float().flatten() for x in xs]


def binary_weights(*networks: Generator | Discriminator) -> list[Tensor]:
    """The latent weights of all binarized layers, to be clipped after each step."""
    return [layer.weight for net in networks for layer in net.weighted() if layer.binary]
