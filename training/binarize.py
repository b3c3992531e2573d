"""Binary weights with a straight-through gradient.

A binarized layer keeps a float32 latent weight w in [−1, 1] and computes with mean|w| · sign(w),
the mean taken for each output channel (XNOR-Net, Rastegari et al., arXiv 1603.05279). The gradient
passes the sign where |w| ≤ 1 (BinaryConnect and BNN, Courbariaux et al., arXiv 1602.02830), and the
optimizer's step is followed by a clip to [−1, 1].
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def scale(weight: Tensor, channel_dim: int) -> Tensor:
    """mean|w| for each output channel, of shape 1 except along `channel_dim`."""
    return weight.abs().mean(_others(weight, channel_dim), keepdim=True)


def binarize(weight: Tensor, channel_dim: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """mean|w| · sign(w) in `dtype`, the mean over every dimension but `channel_dim`.

    sign(0) = +1. The gradient reaches w through the mean and, where |w| ≤ 1, through the sign.
    """
    result: Tensor = _Binarize.apply(weight, channel_dim, dtype)  # type: ignore[no-untyped-call]
    return result


@torch.no_grad()
def clip(latent_weights: Iterable[Tensor]) -> None:
    """Clips latent weights to [−1, 1] in place, where the straight-through gradient is alive."""
    for weight in latent_weights:
        weight.clamp_(-1, 1)


class _Binarize(torch.autograd.Function):
    """One function rather than a composition: full-size weights are large, and passes count."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, channel_dim: int, dtype: torch.dtype) -> Tensor:
        mean = scale(weight, channel_dim)
        ctx.save_for_backward(weight, mean)
        ctx.others = _others(weight, channel_dim)
        return torch.copysign(mean.to(dtype), weight.to(dtype) + 0)  # −0 + 0 = +0

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        weight, mean = ctx.saved_tensors
        sign = torch.copysign(torch.ones_like(mean), weight + 0)
        through_sign = (gradient * mean).masked_fill_(weight.abs() > 1, 0)
        through_mean = (gradient * sign).mean(ctx.others, keepdim=True)
        return through_sign.addcmul_(sign, through_mean), None, None


def _others(weight: Tensor, channel_dim: int) -> list[int]:
    return [dim for dim in range(weight.dim()) if dim != channel_dim]
