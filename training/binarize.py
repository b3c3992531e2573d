"""Binary weights with a straight-through gradient.

A binarized layer keeps a float32 latent weight w in [−1, 1] and computes with mean|w| · sign(w),
the mean taken for each output channel (XNOR-Net, Rastegari et al., arXiv 1603.05279). The gradient
passes the sign where |w| ≤ 1 (BinaryConnect and BNN, Courbariaux et al., arXiv 1602.02830), which
holds everywhere, since the optimizer's step is followed by a clip to [−1, 1].

Where batch norm follows, it divides each channel by its spread, so the mean would cancel, and so
would its gradient: such layers compute with sign(w) alone, exact in any dtype and nearly free.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def scale(weight: Tensor, channel_dim: int) -> Tensor:
    """mean|w| for each output channel, of shape 1 except along `channel_dim`."""
    others = [dim for dim in range(weight.dim()) if dim != channel_dim]
    return weight.abs().mean(others, keepdim=True)


def signs(weight: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """sign(w) = ±1 in `dtype`, sign(0) = +1; the gradient passes straight through."""
    result: Tensor = _Signs.apply(weight, dtype)  # type: ignore[no-untyped-call]
    return result


def binarize(weight: Tensor, channel_dim: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """mean|w| · sign(w) in `dtype`, the mean over every dimension but `channel_dim`.

    The gradient reaches w through the mean and straight through the sign.
    """
    return (scale(weight, channel_dim) * signs(weight, weight.dtype)).to(dtype)


@torch.no_grad()
def clip(latent_weights: Iterable[Tensor]) -> None:
    """Clips latent weights to [−1, 1] in place, where the straight-through gradient is alive."""
    for weight in latent_weights:
        weight.clamp_(-1, 1)


class _Signs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, dtype: torch.dtype) -> Tensor:
        ctx.dtype = weight.dtype
        one = torch.ones((), dtype=dtype)
        return torch.copysign(one, weight.to(dtype) + 0)  # −0 + 0 = +0

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.to(ctx.dtype), None
