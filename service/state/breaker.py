"""A circuit breaker: what fails again and again is left alone for a while."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

FAILURES = 3  # in a row, after which it opens
PAUSE_S = 1.0  # for which nothing is tried; then one call is, and decides


class Breaker:
    """Closed: calls are made. Open: they are not. After a pause one call at a time is tried.

    Calls that do not ask it may tell it what came of them too.
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._failures = 0
        self._next_try = 0.0

    @property
    def is_open(self) -> bool:
        return self._failures >= FAILURES

    def permits(self) -> bool:
        """Whether a call may be made now; `succeeded` or `failed` must tell what came of it."""
        if not self.is_open:
            return True
        if self._now() < self._next_try:
            return False
        self._next_try = self._now() + PAUSE_S  # others wait for what comes of this one
        return True

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        self._failures += 1
        self._next_try = self._now() + PAUSE_S
