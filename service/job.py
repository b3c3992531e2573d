"""The rows of one request on their way through the scheduler, and what they gave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Rows = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """What a job gave, and the seconds that it waited, ran, and took to finish."""

    value: T
    queued_at: float  # of `perf_counter`
    queue_s: float
    run_s: float
    finish_s: float

    @property
    def stages(self) -> dict[str, float]:
        """The seconds by the names that headers and traces give them, in their order."""
        return {"queue": self.queue_s, "generate": self.run_s, "encode": self.finish_s}

    def server_timing(self) -> str:
        """The value of a Server-Timing header (https://www.w3.org/TR/server-timing/), in ms."""
        return ", ".join(f"{name};dur={each * 1e3:.3f}" for name, each in self.stages.items())


class Job(Generic[T]):
    """Rows of one request on their way through a lane; `future` gets a `Done`."""

    def __init__(
        self,
        inputs: Any,
        finish: Callable[[Any], T],
        future: asyncio.Future[Done[T]],
        client: str,
    ) -> None:
        self.inputs = inputs  # anything with len() and slices
        self.finish = finish
        self.future = future
        self.client = client
        self.rows = len(inputs)
        self.unsettled = self.rows  # rows that a lane counts as on their way
        self.taken = 0  # rows that a thread has or had
        self._left = self.rows  # rows that no thread has run yet
        self._outputs: Rows | None = None
        self._lock = threading.Lock()
        self._queued = perf_counter()
        self._started = 0.0

    @property
    def waiting(self) -> int:
        return self.rows - self.taken

    def take(self, count: int) -> slice:
        """The next `count` rows, for a thread to run."""
        if self.taken == 0:
            self._started = perf_counter()
        self.taken += count
        return slice(self.taken - count, self.taken)

    def deliver(self, part: slice, outputs: Rows) -> Done[T] | None:
        """Takes the outputs of a part, in a thread; the last part's thread finishes the job."""
        with self._lock:
            if len(outputs) == self.rows:
                self._outputs = outputs
            else:
                if self._outputs is None:
                    self._outputs = np.empty((self.rows, *outputs.shape[1:]), outputs.dtype)
                self._outputs[part] = outputs
            self._left -= len(outputs)
            if self._left:
                return None
        ran = perf_counter()
        value = self.finish(self._outputs)
        finished = perf_counter()
        return Done(
            value, self._queued, self._started - self._queued, ran - self._started, finished - ran
        )
