"""The players' losses on logits: logistic, hinge, and Wasserstein with gradient penalty.

logistic  the original, non-saturating one (Goodfellow et al., arXiv 1406.2661)
hinge     Lim and Ye, arXiv 1705.02894; Miyato et al., arXiv 1802.05957
wgan-gp   Gulrajani et al., arXiv 1704.00028; a penalty of 10 on the critic's gradient, and no batch
          norm in the critic, since the penalty is each image's own. Not their schedule: the run's,
          one critic step and Adam at 2e-4 with β 0.5, 0.999, for their five at 1e-4 with β 0, 0.9
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Loss:
    """What both players minimize, means over logits [N]; `penalty` weighs a gradient penalty."""

    discriminator: Callable[[Tensor, Tensor], Tensor]  # of real and fake logits
    generator: Callable[[Tensor], Tensor]  # of fake logits
    penalty: float | None = None


def _logistic(real: Tensor, fake: Tensor) -> Tensor:
    """−log D(real) − log(1 − D(fake))."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def _logistic_generator(fake: Tensor) -> Tensor:
    """−log D(fake)."""
    return F.softplus(-fake).mean()


def _hinge(real: Tensor, fake: Tensor) -> Tensor:
    """max(0, 1 − D(real)) + max(0, 1 + D(fake))."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def _wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    """D(fake) − D(real)."""
    return fake.mean() - real.mean()


def _minus_mean(fake: Tensor) -> Tensor:
    """−D(fake)."""
    return -fake.mean()


LOSSES = {
    "logistic": Loss(_logistic, _logistic_generator),
    "hinge": Loss(_hinge, _minus_mean),
    "wgan-gp": Loss(_wasserstein, _minus_mean, penalty=10.0),
}


def gradient_penalty(
    critic: Callable[[Tensor], list[Tensor]], real: Tensor, fake: Tensor, share: Tensor
) -> Tensor:
    """Mean of (|∇D(x)| − 1)² at x = share · real + (1 − share) · fake, share [N] in [0, 1]."""
    share = share[:, None, None, None].to(real.dtype)
    between = (share * real + (1 - share) * fake).detach().requires_grad_()
    (logits,) = critic(between)
    (gradient,) = torch.autograd.grad(logits.sum(), between, create_graph=True)
    slopes: Tensor = gradient.flatten(1).norm(dim=1)
    return (slopes - 1).square().mean()
