"""Data-parallel training under torchrun (gloo): the same run as one process with the global batch.

Each process takes its share of every batch; batch norm and gradients are averaged over all of them.
Without torchrun there is one process, and everything here does nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


def start() -> None:
    """Joins the processes that torchrun started, if it did."""
    if "RANK" in os.environ:
        dist.init_process_group("gloo")


def stop() -> None:
    """Leaves them."""
    if dist.is_initialized():
        dist.destroy_process_group()


def rank() -> int:
    """This process's number; 0 writes the run's files."""
    return dist.get_rank() if dist.is_initialized() else 0


def size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


@torch.no_grad()
def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replaces each gradient by its mean over the processes."""
    if size() == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= size()
    parts = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def average(values: dict[str, float]) -> dict[str, float]:
    """The mean of each value over the processes."""
    if size() == 1:
        return values
    flat = torch.tensor(list(values.values()))
    dist.all_reduce(flat)
    return dict(zip(values, (flat / size()).tolist(), strict=True))


class BatchNorm(nn.BatchNorm2d):
    """Batch norm of [N, C, h, w] over the global batch: statistics, gradients too, all-reduced."""

    def forward(self, x: Tensor) -> Tensor:
        if size() == 1 or not self.training:
            local: Tensor = super().forward(x)
            return local
        values = x.float()
        sums = torch.stack([values.sum((0, 2, 3)), values.square().sum((0, 2, 3))])
        count = x.numel() // x.shape[1] * size()
        mean, square = all_reduce(sums) / count  # type: ignore[no-untyped-call]
        variance = square - mean.square()
        with torch.no_grad():
            self._track(mean, variance * count / (count - 1))
        factor = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * factor
        result: Tensor = values * factor[:, None, None] + shift[:, None, None]
        return result.to(x.dtype)

    def _track(self, mean: Tensor, variance: Tensor) -> None:
        """Moves the running statistics as PyTorch's own batch norm does."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        momentum = 0.1 if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance, momentum)
        self.num_batches_tracked += 1
