"""docs/results.md: what a partially binarized DCGAN saves in memory, by what is counted.

Sizes are those of the usual implementations: 4×4 kernels (PyTorch's example and ours) or the
5×5 of the DCGAN paper, 64 or 128 channels before the last deconvolution. A float takes 32 bits, a
binary weight one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import markdown
from kernels.dcgan import dcgan

PAPER = 25.81  # what the paper says
SIZES = ((64, 4), (128, 4), (64, 5), (128, 5))  # channels before the last layer, kernel


@dataclass(frozen=True)
class Count:
    """Numbers of one network that `partial` holds in one bit, and of those that stay float."""

    binary: int
    kept: int

    def __add__(self, other: Count) -> Count:
        return Count(self.binary + other.binary, self.kept + other.kept)

    @property
    def saving(self) -> float:
        """Bytes with everything float over bytes with the binary part in bits."""
        return (self.binary + self.kept) * 32 / (self.binary + self.kept * 32)


def weights(width: int, kernel: int) -> list[int]:
    """Of each layer; the projection makes 4×4 positions whatever the kernels of the others."""
    first, *others = dcgan(width)
    return [first.c_in * first.c_out * 16, *(g.c_in * g.c_out * kernel**2 for g in others)]


def hidden_channels(width: int) -> int:
    return sum(g.c_out for g in dcgan(width)[:-1])


def activations(width: int) -> int:
    """Of one image, all layers, the picture among them."""
    return sum(g.c_out * g.size_out**2 for g in dcgan(width))


def generator(width: int, kernel: int) -> Count:
    *hidden, last = weights(width, kernel)
    return Count(sum(hidden), last)


def projection_kept(width: int, kernel: int) -> Count:
    first, *hidden, last = weights(width, kernel)
    return Count(sum(hidden), first + last)


def discriminator(kernel: int) -> Count:
    """Base 64, all but its first layer binary, the logit layer 4×4."""
    _, *convolutions = weights(64, kernel)
    return Count(sum(convolutions[:-1]) + 512 * 16, convolutions[-1])


WAYS: dict[str, Callable[[int, int], Count]] = {
    "weights, the last layer float": generator,
    "and batch norm (gain, offset) float": lambda w, k: (
        generator(w, k) + Count(0, 2 * hidden_channels(w))
    ),
    "and its running statistics": lambda w, k: generator(w, k) + Count(0, 4 * hidden_channels(w)),
    "and a discriminator of base 64, its first layer float": lambda w, k: (
        generator(w, k) + discriminator(k) + Count(0, 4 * (hidden_channels(w) + 64 * (2 + 4 + 8)))
    ),
    "weights, the projection float too": projection_kept,
    "weights, and one image's activations float": lambda w, k: (
        generator(w, k) + Count(0, activations(w))
    ),
}


def savings() -> dict[str, list[float]]:
    """For each way to count, the saving at each of SIZES."""
    return {
        text: [count(width, kernel).saving for width, kernel in SIZES]
        for text, count in WAYS.items()
    }


def table() -> str:
    """The savings, and the nearest to the paper's figure in bold."""
    rows = savings()
    nearest = min((value for row in rows.values() for value in row), key=_distance)
    cells = {
        text: [f"**{v:.2f}**" if v == nearest else f"{v:.2f}" for v in row]
        for text, row in rows.items()
    }
    head = ["counted", *(f"base {width}, {kernel}×{kernel}" for width, kernel in SIZES)]
    return markdown.table(head, [[text, *row] for text, row in cells.items()])


def _distance(saving: float) -> float:
    return abs(saving - PAPER)
