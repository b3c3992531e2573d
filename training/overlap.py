"""Deconvolution and convolution on few pixels as one matrix product with overlap-add.

Where an image has few pixels and many channels, the product [pixels, c_in] × [c_in, k·k·c_out]
keeps the matrix units busy and its overlap-add is small; oneDNN's own transposed convolution takes
several times as long there. `Fold` and `Unfold` are linear and each other's gradient, so any
derivative of any order follows. Activations are channels-last.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from kernels.spec import Deconvolution


def pays(geometry: Deconvolution) -> bool:
    """Whether the product is the faster way: measured at 1×1 and 4×4 with hundreds of channels."""
    return geometry.size_in <= 4


def deconvolve(x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """`conv_transpose2d` of [N, c_in, s, s] with weight [c_in, c_out, k, k].

    The result has NCHW shape and channels-last memory.
    """
    n, c_in, size, _ = x.shape
    kernel = weight.shape[2]
    columns = x.permute(0, 2, 3, 1).reshape(-1, c_in) @ _matrix(weight)
    columns = columns.view(n, size, size, kernel, kernel, -1)
    out: Tensor = Fold.apply(columns, stride, padding)  # type: ignore[no-untyped-call]
    return out.permute(0, 3, 1, 2)


def convolve(x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """`conv2d` of [N, c_out, s', s'] with weight [c_in, c_out, k, k] → [N, c_in, s, s].

    It is the adjoint of `deconvolve`.
    """
    images = x.permute(0, 2, 3, 1)
    window = weight.shape[2], stride, padding
    columns: Tensor = Unfold.apply(images, *window)  # type: ignore[no-untyped-call]
    n, size = columns.shape[:2]
    out = columns.view(n * size * size, -1) @ _matrix(weight).t()
    return out.view(n, size, size, -1).permute(0, 3, 1, 2)


def _matrix(weight: Tensor) -> Tensor:
    """[c_in, c_out, k, k] → [c_in, k·k·c_out]."""
    return weight.permute(0, 2, 3, 1).reshape(weight.shape[0], -1)


class Fold(torch.autograd.Function):
    """Overlap-add: [N, s, s, k, k, c] → [N, s', s', c].

    out[y·stride + ky − padding] += columns[y, ky], and the same for x.
    """

    @staticmethod
    def forward(ctx: Any, columns: Tensor, stride: int, padding: int) -> Tensor:
        n, size, _, kernel, _, c = columns.shape
        ctx.window = kernel, stride, padding
        if size == 1 and padding == 0:
            return columns.view(n, kernel, kernel, c).clone()
        blocks = -(-kernel // stride)  # kernel taps an output phase, rounded up
        if short := blocks * stride - kernel:
            columns = F.pad(columns, (0, 0, 0, short, 0, short))
        reach = size + blocks - 1
        out = columns.new_zeros(n, reach, stride, reach, stride, c)
        for by in range(blocks):
            for bx in range(blocks):
                ky, kx = by * stride, bx * stride
                taps = columns[:, :, :, ky : ky + stride, kx : kx + stride]
                out[:, by : by + size, :, bx : bx + size] += taps.transpose(2, 3)
        size_out = (size - 1) * stride - 2 * padding + kernel
        window = slice(padding, padding + size_out)
        return out.view(n, reach * stride, reach * stride, c)[:, window, window].contiguous()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        columns: Tensor = Unfold.apply(gradient, *ctx.window)  # type: ignore[no-untyped-call]
        return columns, None, None


class Unfold(torch.autograd.Function):
    """The adjoint of `Fold`: [N, s', s', c] → [N, s, s, k, k, c]."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
        ctx.window = stride, padding
        ctx.uncovered = (images.shape[1] + 2 * padding - kernel) % stride
        padded = F.pad(images, (0, 0, padding, padding, padding, padding))
        windows = padded.unfold(1, kernel, stride).unfold(2, kernel, stride)
        return windows.permute(0, 1, 2, 4, 5, 3).contiguous()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        images: Tensor = Fold.apply(gradient, *ctx.window)  # type: ignore[no-untyped-call]
        return F.pad(images, (0, 0, 0, ctx.uncovered, 0, ctx.uncovered)), None, None, None
