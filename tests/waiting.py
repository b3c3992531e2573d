"""Waiting in tests for what other processes do, with an end to it."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(true: Callable[[], object], within_s: float = 30) -> None:
    """Asks again and again until the answer is true; fails the test if it is not in time."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, f"it did not happen within {within_s:g} s"
        time.sleep(0.02)
