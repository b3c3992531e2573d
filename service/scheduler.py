"""Work waits in lanes; kernel threads take what waits, batched; the event loop never blocks.

A lane runs one function over rows: `run(list of inputs) → rows`. What the rows are, the scheduler
does not know. A free thread takes whatever waits in the lane that has had the least of the
threads' time, so a lone job starts at once and batches form only while all threads are busy.
Within a lane jobs take turns, a few rows each, so a huge job does not hold up a small one.

All bookkeeping happens on the event loop; threads only run batches, and report back once for each.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from time import perf_counter
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from service.metrics import Metrics

T = TypeVar("T")
Rows = NDArray[np.generic]
Run = Callable[[Sequence[Any]], Rows]

TURN_ROWS = 8  # of one job at a time, while others wait too


class QueueFullError(Exception):
    """The lane holds as many waiting rows as it may; `retry_after_s` is about when it will not."""

    def __init__(self, waiting: int, limit: int, retry_after_s: float) -> None:
        super().__init__(f"{waiting} rows wait, {limit} may")
        self.waiting = waiting
        self.limit = limit
        self.retry_after_s = retry_after_s


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

    def __init__(self, inputs: Any, finish: Callable[[Any], T], future: asyncio.Future[Done[T]]):
        self.inputs = inputs  # anything with len() and slices
        self.finish = finish
        self.future = future
        self.rows = len(inputs)
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


@dataclass(eq=False)
class Lane:
    """The jobs that wait for one function, and what the scheduler needs to be fair to it."""

    name: str
    run: Run
    jobs: deque[Job[Any]] = field(default_factory=deque)
    waiting: int = 0  # rows, of all jobs
    used_s: float = 0.0  # of the threads' time; raised to the others' when work comes after a pause
    row_s: float = 0.0  # of late, for one row
    retired: bool = False

    def observe(self, row_s: float) -> None:
        """Takes in how long a row took in the last batch."""
        self.row_s = row_s if self.row_s == 0 else 0.8 * self.row_s + 0.2 * row_s

    def rows_in(self, seconds: float, limit: int) -> int:
        """The rows that it runs in some seconds: at least one, at most `limit`."""
        return min(limit, max(1, int(seconds / self.row_s))) if self.row_s else limit

    def take(self, limit: int) -> Batch:
        """Up to `limit` rows, from the jobs in turn."""
        counts: dict[Job[Any], int] = {}
        room = min(limit, self.waiting)
        self.waiting -= room
        while room:
            job = self.jobs.popleft()
            count = min(TURN_ROWS, room, job.waiting - counts.get(job, 0))
            counts[job] = counts.get(job, 0) + count
            room -= count
            if counts[job] < job.waiting:
                self.jobs.append(job)
        return Batch(self, [(job, job.take(count)) for job, count in counts.items()])

    def withdraw(self, job: Job[Any]) -> None:
        """Forgets a job: nothing more of it runs, and nobody waits for it any more."""
        if job.waiting:
            self.jobs.remove(job)
            self.waiting -= job.waiting
            job.taken = job.rows
        job.future.cancel()


@dataclass(eq=False)
class Batch:
    """Parts of jobs that run together, and after the run what each gave."""

    lane: Lane
    parts: list[tuple[Job[Any], slice]]
    run_s: float = 0.0
    results: list[tuple[Job[Any], Done[Any] | Exception | None]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(part.stop - part.start for _, part in self.parts)

    def run(self) -> None:
        """Runs in a kernel thread; what a job raises is that job's result, and never leaves."""
        began = perf_counter()
        try:
            outputs = self.lane.run([job.inputs[part] for job, part in self.parts])
        except Exception as error:
            self.results = [(job, error) for job, _ in self.parts]
            return
        finally:
            self.run_s = perf_counter() - began
        row = 0
        for job, part in self.parts:
            end = row + part.stop - part.start
            self.results.append((job, self._deliver(job, part, outputs[row:end])))
            row = end

    @staticmethod
    def _deliver(job: Job[Any], part: slice, outputs: Rows) -> Done[Any] | Exception | None:
        try:
            return job.deliver(part, outputs)
        except Exception as error:
            return error


class Scheduler:
    """Kernel threads and the lanes that they serve. Make and use it on a running event loop."""

    def __init__(
        self, threads: int, batch_limit: int, batch_s: float, queue_limit: int, metrics: Metrics
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._lanes: list[Lane] = []
        self._batch_limit = batch_limit
        self._batch_s = batch_s
        self._queue_limit = queue_limit
        self._metrics = metrics
        self._idle = threads
        self._batches: SimpleQueue[Batch | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"pbgen-kernel-{i}", daemon=True)
            for i in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def threads(self) -> int:
        return len(self._threads)

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """The lanes that are open, or have work left."""
        return tuple(self._lanes)

    def open(self, name: str, run: Run) -> Lane:
        """A new lane for a function that threads may call at the same time."""
        lane = Lane(name, run)
        self._lanes.append(lane)
        self._metrics.queue_depth.labels(name).set_function(lambda: self._waiting(name))
        return lane

    def retire(self, lane: Lane) -> None:
        """Lets go of a lane once its jobs have run, those of callers that still hold it too."""
        lane.retired = True
        self._sweep()

    def submit(self, lane: Lane, inputs: Any, finish: Callable[[Any], T]) -> Job[T]:
        """Queues rows; `finish(outputs)` runs in a kernel thread and makes the job's value.

        Raises QueueFullError while the lane's queue is at its limit or beyond.
        """
        if lane.waiting >= self._queue_limit:
            raise QueueFullError(lane.waiting, self._queue_limit, self._drain_s(lane))
        if lane not in self._lanes:  # retired since its caller chose it
            self._lanes.append(lane)
        if not lane.waiting:
            busy = [other.used_s for other in self._lanes if other.waiting]
            lane.used_s = max(lane.used_s, min(busy, default=0.0))
        job = Job(inputs, finish, self._loop.create_future())
        lane.jobs.append(job)
        lane.waiting += job.rows
        self._dispatch()
        return job

    def close(self) -> None:
        """Ends the threads after the batches that they have; waits for them."""
        for _ in self._threads:
            self._batches.put(None)
        for thread in self._threads:
            thread.join()

    def _dispatch(self) -> None:
        """Gives every idle thread a batch while there is work."""
        while self._idle:
            waiting = [lane for lane in self._lanes if lane.waiting]
            if not waiting:
                return
            lane = min(waiting, key=lambda lane: lane.used_s)
            # What waits is shared among the idle threads: two faces for two threads run at once.
            share = math.ceil(lane.waiting / self._idle)
            self._idle -= 1
            limit = lane.rows_in(self._batch_s, self._batch_limit)
            self._batches.put(lane.take(min(share, limit)))

    def _work(self) -> None:
        while (batch := self._batches.get()) is not None:
            batch.run()
            self._loop.call_soon_threadsafe(self._settle, batch)

    def _settle(self, batch: Batch) -> None:
        """Takes a batch's results to those who wait, and the thread's next batch."""
        self._idle += 1
        lane = batch.lane
        lane.used_s += batch.run_s
        lane.observe(batch.run_s / batch.rows)
        self._dispatch()
        self._sweep()
        self._metrics.observe_batch(lane.name, batch.rows, batch.run_s)
        for job, result in batch.results:
            if isinstance(result, Exception):
                if not job.future.done():
                    job.future.set_exception(result)
                lane.withdraw(job)
            elif result is not None and not job.future.done():
                job.future.set_result(result)

    def _waiting(self, name: str) -> int:
        return sum(lane.waiting for lane in self._lanes if lane.name == name)

    def _sweep(self) -> None:
        self._lanes = [lane for lane in self._lanes if lane.waiting or not lane.retired]

    def _drain_s(self, lane: Lane) -> float:
        return lane.waiting * lane.row_s / self.threads
