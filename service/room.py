"""How many places a queue has: fewer than it may have while the event loop cannot keep up.

Under overload a pass of the event loop over the connections that wait is as long as the work that
it takes on in it, and whoever asks waits for a pass, /livez too. With fewer places passes are
shorter, and no less is answered, as long as the kernel threads do not stand idle for want of work.
"""

from __future__ import annotations

import asyncio

TICK_S = 0.01
LATE_S = 0.005  # that the event loop may come behind a tick
FEWEST = 8  # of all places one in so many is kept


class Room:
    """Places: halved at each tick that comes late while requests are refused, else made more again,
    up to `most`. Make and use it on a running event loop.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._refused = False
        self._due: float | None = None
        self.places = most

    def refuse(self) -> None:
        """Takes note that a request finds no place."""
        self._refused = True
        if self._due is None:
            self._wait()

    def _wait(self) -> None:
        self._due = self._loop.time() + TICK_S
        self._loop.call_at(self._due, self._adapt, self._due)

    def _adapt(self, due: float) -> None:
        if self._refused and self._loop.time() - due > LATE_S:
            self.places = max(1, self._most // FEWEST, self.places // 2)
        else:
            self.places = min(self._most, self.places + max(1, self._most // 64))
        self._due = None
        if self._refused or self.places < self._most:
            self._wait()
        self._refused = False
