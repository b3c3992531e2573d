"""Binary weights with a straight-through gradient.

A binarized layer keeps a float32 latent weight w in [−1, 1] and computes with mean|w| · sign(w),
the mean taken for each output channel (XNOR-Net, Rastegari et al., arXiv 1603.05279). The gradient
passes the sign where |w| ≤ 1 (BinaryConnect and BNN, Courbariaux et al., arXiv 1602.02830), and the
optimizer's step is followed by a clip to [−1, 1].
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


class _Sign(torch.autograd.Function):
    """sign(w) with sign(0) = +1; the gradient is the identity where |w| ≤ 1 and 0 elsewhere."""

    @staticmethod
    def forward(ctx, weight):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(weight)
        return torch.where(weight >= 0, 1.0, -1.0).to(weight.dtype)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        (weight,) = ctx.saved_tensors
        return gradient * (weight.abs() <= 1)


def sign(weight: Tensor) -> Tensor:
    """±1 of the same shape and dtype as `weight`, with the straight-through gradient."""
    result: Tensor = _Sign.apply(weight)  # type: ignore[no-untyped-call]
    return result


def scale(weight: Tensor, channel_dim: int) -> Tensor:
    """mean|w| for each output channel, of shape 1 except along `channel_dim`."""
    others = [dim for dim in range(weight.dim()) if dim != channel_dim]
    return weight.abs().mean(others, keepdim=True)


def binarize(weight: Tensor, channel_dim: int) -> Tensor:
    """mean|w| · sign(w), the mean over every dimension but `channel_dim`."""
    return scale(weight, channel_dim) * sign(weight)


@torch.no_grad()
def clip(latent_weights: Iterable[Tensor]) -> None:
    """Clips latent weights to [−1, 1] in place, where the straight-through gradient is alive."""
    for weight in latent_weights:
        weight.clamp_(-1, 1)
