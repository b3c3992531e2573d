"""A time-out that another's slowness uses up, and one's own does not."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

TURNS = 10  # at least, of the event loop, in which an answer can be read


async def within(timeout_s: float, call: Coroutine[Any, Any, T]) -> T:
    """The call's result; raises TimeoutError if there is none after `timeout_s` and TURNS turns.

    While the event loop is held up, an answer that has long come cannot be read. Such a while, as
    long as it may be, counts as a single turn.
    """
    task = asyncio.create_task(call)
    try:
        for _ in range(TURNS):
            done, _ = await asyncio.wait({task}, timeout=timeout_s / TURNS)
            if done:
                return task.result()
        raise TimeoutError
    finally:
        task.cancel()
