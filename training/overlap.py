"""Deconvolution and convolution on few pixels as one matrix product with overlap-add, each the
other's gradient.

Where an image has few pixels and many channels, the product [pixels, c_in] × [c_in, k·k·c_out]
keeps the matrix units busy and its overlap-add is small; oneDNN's own transposed convolution takes
several times as long there. Activations are channels-last.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from kernels.spec import Deconvolution


def pays(geometry: Deconvolution) -> bool:
    """Whether the matrix product is the faster way: measured at 1×1 and 4×4 with hundreds of
    channels.
    """
    return geometry.size_in <= 4


def _fold(columns: Tensor, stride: int, padding: int, size_out: int) -> Tensor:
    """Overlap-add: [N, s, s, k, k, c] → [N, s', s', c], out[y·stride + ky − padding] += columns[y,
    ky].
    """
    n, size, _, kernel, _, c = columns.shape
    if size == 1 and padding == 0:
        return columns.reshape(n, kernel, kernel, c)
    blocks = -(-kernel // stride)  # kernel taps an output phase, rounded up
    columns = (
        F.pad(columns, (0, 0) + 2 * (0, blocks * stride - kernel))
        if blocks * stride > kernel
        else columns
    )
    reach = size + blocks - 1
    out = columns.new_zeros(n, reach, stride, reach, stride, c)
    for by in range(blocks):
        for bx in range(blocks):
            taps = columns[
                :, :, :, by * stride : (by + 1) * stride, bx * stride : (bx + 1) * stride
            ]
            out[:, by : by + size, :, bx : bx + size] += taps.transpose(2, 3)
    window = slice(padding, padding + size_out)
    return out.view(n, reach * stride, reach * stride, c)[:, window, window].contiguous()


def _unfold(images: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """The adjoint of `_fold`: [N, s', s', c] → [N, s, s, k, k, c]."""
    padded = F.pad(images, (0, 0, padding, padding, padding, padding))
    return (
        padded.unfold(1, kernel, stride)
        .unfold(2, kernel, stride)
        .permute(0, 1, 2, 4, 5, 3)
        .contiguous()
    )


class _Deconvolve(torch.autograd.Function):
    """x [P, c_in] pixels, w [c_in, k·k·c_out] → NHWC output."""

    @staticmethod
    def forward(ctx, x, matrix, size, kernel, stride, padding):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x, matrix)
        ctx.window = kernel, stride, padding
        size_out = (size - 1) * stride - 2 * padding + kernel
        columns = (x @ matrix).view(-1, size, size, kernel, kernel, matrix.shape[1] // kernel**2)
        return _fold(columns, stride, padding, size_out)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        x, matrix = ctx.saved_tensors
        columns = _unfold(gradient, *ctx.window).view(x.shape[0], -1)
        grad_x = columns @ matrix.t() if ctx.needs_input_grad[0] else None
        grad_matrix = x.t() @ columns if ctx.needs_input_grad[1] else None
        return grad_x, grad_matrix, None, None, None, None


class _Convolve(torch.autograd.Function):
    """Images NHWC, w [c_in, k·k·c_out] of the adjoint deconvolution → pixels [P, c_in]."""

    @staticmethod
    def forward(ctx, images, matrix, kernel, stride, padding):  # type: ignore[no-untyped-def]
        columns = _unfold(images, kernel, stride, padding)
        ctx.columns_shape, ctx.size = columns.shape, images.shape[1]
        ctx.stride, ctx.padding = stride, padding
        columns = columns.view(-1, matrix.shape[1])
        ctx.save_for_backward(columns, matrix)
        return columns @ matrix.t()

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        columns, matrix = ctx.saved_tensors
        gradient = gradient.contiguous()
        grad_images = None
        if ctx.needs_input_grad[0]:
            columns_grad = (gradient @ matrix).view(ctx.columns_shape)
            grad_images = _fold(columns_grad, ctx.stride, ctx.padding, ctx.size)
        grad_matrix = gradient.t() @ columns if ctx.needs_input_grad[1] else None
        return grad_images, grad_matrix, None, None, None


def deconvolve(x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """`conv_transpose2d` of [N, c_in, s, s] with weight [c_in, c_out, k, k]; NCHW shape,
    channels-last memory.
    """
    c_in, _, kernel, _ = weight.shape
    matrix = weight.permute(0, 2, 3, 1).reshape(c_in, -1)
    pixels = x.permute(0, 2, 3, 1).reshape(-1, c_in)
    window = kernel, stride, padding
    out: Tensor = _Deconvolve.apply(pixels, matrix, x.shape[2], *window)  # type: ignore[no-untyped-call]
    return out.permute(0, 3, 1, 2)


def convolve(x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """`conv2d` of [N, c_out, s', s'] with weight [c_in, c_out, k, k] → [N, c_in, s, s] (the adjoint
    of `deconvolve`).
    """
    c_in, _, kernel, _ = weight.shape
    matrix = weight.permute(0, 2, 3, 1).reshape(c_in, -1)
    images = x.permute(0, 2, 3, 1)
    out: Tensor = _Convolve.apply(images, matrix, kernel, stride, padding)  # type: ignore[no-untyped-call]
    size = (x.shape[2] + 2 * padding - kernel) // stride + 1
    return out.view(x.shape[0], size, size, c_in).permute(0, 3, 1, 2)
