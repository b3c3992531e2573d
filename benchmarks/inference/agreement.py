"""Before anyone is timed: its pictures must be those of the kernels' float generator, as nearly as
its arithmetic allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import kernels
from benchmarks.inference.contestant import KERNELS, Absent, Contestant
from benchmarks.inference.engines import INT8
from benchmarks.inference.worker import PICTURES, Ready
from kernels.random_weights import SEED, random_generator


@dataclass(frozen=True)
class Bound:
    """Grey levels between two sets of pictures, and why no less can be asked."""

    mean: float
    largest: int
    reason: str


EXACT = Bound(0, 0, "the kernels agree on every instruction set")
SUMMED = Bound(0.1, 1, "the kernels' table of tanh has steps of a quarter of a grey level")
BFLOAT16 = Bound(0.5, 4, "8 bits of mantissa in each of five layers")
QUANTIZED = Bound(2, 32, "8 bits a weight and an activation")


@dataclass(frozen=True)
class Difference:
    """Grey levels between a contestant's pictures and the kernels'."""

    mean: float
    largest: int


def bound(contestant: Contestant) -> Bound:
    if contestant.runtime == KERNELS:
        return EXACT
    if contestant.mode == INT8:
        return QUANTIZED
    return BFLOAT16 if "bfloat16" in contestant.mode else SUMMED


def checker(
    contestants: Iterable[Contestant], found: dict[Contestant, Difference]
) -> Callable[[Contestant, Ready], None]:
    """For `race`: notes each difference in `found`, and turns away who exceeds its bound."""
    drawn = kernels.latents(SEED, PICTURES)
    variants = {contestant.variant for contestant in contestants}
    right = {each: kernels.Generator(random_generator(each)).run(drawn) for each in variants}

    def check(contestant: Contestant, ready: Ready) -> None:
        met = difference(ready.pictures, right[contestant.variant])
        demand(met, bound(contestant))
        found[contestant] = met

    return check


def demand(met: Difference, allowed: Bound) -> None:
    """Raises Absent, with both in words, where the difference exceeds the bound."""
    if met.mean > allowed.mean or met.largest > allowed.largest:
        raise Absent(
            f"its pictures differ by {met.largest} grey levels, {met.mean:.3f} in the mean; "
            f"{allowed.largest} and {allowed.mean} are allowed ({allowed.reason})"
        )


def difference(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> Difference:
    apart = np.abs(a.astype(np.int16) - b)
    return Difference(float(apart.mean()), int(apart.max()))
