"""The split behind variant=auto: each client always gets the same variant."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate


class Experiment:
    """Weights by variant, all above 0, fixed while the service runs.

    Raises ValueError for a variant that is not served.
    """

    def __init__(self, weights: Mapping[str, float], served: Mapping[str, object]) -> None:
        for variant in weights:
            if variant not in served:
                known = ", ".join(sorted(served))
                raise ValueError(
                    f"PBGEN_EXPERIMENT must name variants that are served, {known}, not {variant!r}"
                )
        total = sum(weights.values())
        self.shares = {variant: weights[variant] / total for variant in sorted(weights)}
        self._bounds = list(accumulate(self.shares.values()))[:-1]

    def variant(self, client: str) -> str | None:
        """A client's variant; None if there is no experiment."""
        if not self.shares:
            return None
        drawn = int.from_bytes(hashlib.sha256(client.encode()).digest()[:8]) / 2**64
        return tuple(self.shares)[bisect_right(self._bounds, drawn)]
