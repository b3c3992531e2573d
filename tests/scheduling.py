"""A scheduler for tests, and a lane's function that waits until it is let through."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from service.metrics import Metrics
from service.scheduler import Scheduler

CLIENT = "somebody"


def squares(inputs: Sequence[range]) -> np.ndarray:
    """Row [n²] for each n."""
    return np.array([[n * n] for part in inputs for n in part])


def listed(outputs: np.ndarray) -> list[int]:
    return outputs[:, 0].tolist()


class Gate:
    """A lane's function that waits until it is let through, and tells what it ran."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Event()
        self.batches: list[list[range]] = []

    def run(self, inputs: Sequence[range]) -> np.ndarray:
        self.batches.append(list(inputs))
        self.entered.set()
        assert self.open.wait(10)
        return squares(inputs)


def on_scheduler(
    test: Callable[[Scheduler], Awaitable[None]],
    *,
    threads: int = 1,
    batch_limit: int = 32,
    batch_s: float = 60.0,
    queue_limit: int = 256,
) -> None:
    """Runs a test with a scheduler on an event loop."""

    async def run() -> None:
        scheduler = Scheduler(threads, batch_limit, batch_s, queue_limit, Metrics())
        try:
            await asyncio.wait_for(test(scheduler), 20)
        finally:
            scheduler.close()

    asyncio.run(run())


async def entered(gate: Gate) -> None:
    assert await asyncio.to_thread(gate.entered.wait, 10)
