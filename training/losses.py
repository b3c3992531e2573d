"""The original, non-saturating GAN loss (Goodfellow et al., arXiv 1406.2661) on logits."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """−log D(real) − log(1 − D(fake)), mean over the batch."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def generator_loss(fake_logits: Tensor) -> Tensor:
    """−log D(fake), mean over the batch."""
    return F.softplus(-fake_logits).mean()
