"""State of one process that may be lost: cached images and rate limits."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

LARGEST_CLIENTS = 100_000  # in debt at a time; beyond it the longest known is let off


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many images a client may ask for: `rate` a second, and `burst` at once."""

    rate: float
    burst: int


class ImageCache:
    """The images used last, up to a bound of bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._images: OrderedDict[str, bytes] = OrderedDict()
        self.bytes = 0

    def get(self, key: str) -> bytes | None:
        image = self._images.get(key)
        if image is not None:
            self._images.move_to_end(key)
        return image

    def put(self, key: str, image: bytes) -> None:
        self.bytes += len(image) - len(self._images.pop(key, b""))
        self._images[key] = image
        while self.bytes > self._limit_bytes:
            _, oldest = self._images.popitem(last=False)
            self.bytes -= len(oldest)


class RateLimits:
    """What each client owes, as the time at which it is paid (the generic cell rate algorithm)."""

    def __init__(self, allowance: Allowance | None, now: Callable[[], float] = monotonic) -> None:
        self._allowance = allowance
        self._now = now
        self._paid_at: OrderedDict[str, float] = OrderedDict()

    def charge(self, client: str, images: int) -> float:
        """See `State.charge`."""
        if self._allowance is None:
            return 0.0
        now = self._now()
        paid_at = max(self._paid_at.get(client, now), now)
        wait_s = paid_at - now - self._allowance.burst / self._allowance.rate
        if wait_s > 0:
            return wait_s
        self._paid_at[client] = paid_at + images / self._allowance.rate
        self._paid_at.move_to_end(client)
        self._forget(now)
        return 0.0

    def _forget(self, now: float) -> None:
        """Drops clients that owe nothing, from the one that asked longest ago."""
        while self._paid_at:
            client, paid_at = next(iter(self._paid_at.items()))
            if paid_at > now and len(self._paid_at) <= LARGEST_CLIENTS:
                return
            del self._paid_at[client]
