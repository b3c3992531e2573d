"""How long a measurement is: the short form of `make load`, or the full one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Extent:
    """Sizes of the parts."""

    seconds: float  # of a load
    stream: int  # images
    soak: int  # requests
    swaps: int  # during the soak
    leavers: int


SHORT = Extent(seconds=1.5, stream=10_000, soak=5_000, swaps=10, leavers=5)
FULL = Extent(seconds=3.0, stream=100_000, soak=100_000, swaps=200, leavers=20)
