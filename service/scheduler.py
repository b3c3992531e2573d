"""Work waits in lanes; kernel threads take what waits, batched; the event loop never blocks.

A lane runs one function over rows: `run(list of inputs) → rows`. What the rows are, the scheduler
does not know. A free thread takes whatever waits in the lane that has had the least of the
threads' time, so a lone job starts at once and batches form only while all threads are busy.
Within a lane clients take turns, a few rows each, and so do a client's jobs: neither a huge job nor
a client with many holds up another. No client can fill a queue alone, either.

A thread that is done takes its next batch itself, whatever the event loop is busy with, so what
waits is behind a lock; the loop gives idle threads work, and tells those who wait what came of it.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from time import perf_counter
from typing import Any, TypeVar

from service.job import Done, Job, Rows
from service.metrics import Metrics

T = TypeVar("T")
Run = Callable[[Sequence[Any]], Rows]

TURN_ROWS = 8  # of one client and job at a time, while others wait too


class QueueFullError(Exception):
    """The lane takes no more of this client now; `retry_after_s` is about when it will."""

    def __init__(self, waiting: int, own: int, limit: int, retry_after_s: float) -> None:
        super().__init__(f"{waiting} rows wait, {own} of this client; {limit} may")
        self.waiting = waiting
        self.own = own  # of the waiting rows, those of the client
        self.limit = limit
        self.retry_after_s = retry_after_s


@dataclass(eq=False)
class Flow:
    """The jobs of one client that wait in a lane."""

    jobs: deque[Job[Any]] = field(default_factory=deque)
    waiting: int = 0  # rows, of all jobs


@dataclass(eq=False)
class Lane:
    """The jobs that wait for one function, and what the scheduler needs to be fair to it."""

    name: str
    run: Run
    lock: threading.Lock  # the scheduler's, held for every change of what waits
    flows: OrderedDict[str, Flow] = field(default_factory=OrderedDict)  # in the order of turns
    waiting: int = 0  # rows, of all flows
    used_s: float = 0.0  # of the threads' time; raised to the others' when work comes after a pause
    row_s: float = 0.0  # of late, for one row
    retired: bool = False

    def observe(self, row_s: float) -> None:
        """Takes in how long a row took in the last batch."""
        self.row_s = row_s if self.row_s == 0 else 0.8 * self.row_s + 0.2 * row_s

    def rows_in(self, seconds: float, limit: int) -> int:
        """The rows that it runs in some seconds: at least one, at most `limit`."""
        return min(limit, max(1, int(seconds / self.row_s))) if self.row_s else limit

    def waiting_of(self, client: str) -> int:
        """The rows of a client that wait."""
        flow = self.flows.get(client)
        return flow.waiting if flow else 0

    def add(self, job: Job[Any]) -> None:
        flow = self.flows.setdefault(job.client, Flow())
        flow.jobs.append(job)
        flow.waiting += job.rows
        self.waiting += job.rows

    def take(self, limit: int) -> Batch:
        """Up to `limit` rows, from the clients in turn, and from each one's jobs in turn."""
        counts: dict[Job[Any], int] = {}
        room = min(limit, self.waiting)
        self.waiting -= room
        while room:
            client, flow = self.flows.popitem(last=False)
            turn = min(TURN_ROWS, room, flow.waiting)
            room -= turn
            flow.waiting -= turn
            while turn:
                job = flow.jobs.popleft()
                count = min(turn, job.waiting - counts.get(job, 0))
                counts[job] = counts.get(job, 0) + count
                turn -= count
                if counts[job] < job.waiting:
                    flow.jobs.append(job)
            if flow.waiting:
                self.flows[client] = flow
        return Batch(self, [(job, job.take(count)) for job, count in counts.items()])

    def withdraw(self, job: Job[Any]) -> None:
        """Forgets a job: nothing more of it runs, and nobody waits for it any more."""
        with self.lock:
            self.drop(job)
        job.future.cancel()

    def drop(self, job: Job[Any]) -> None:
        """Takes out what waits of a job; the lock is held."""
        if job.waiting:
            flow = self.flows[job.client]
            flow.jobs.remove(job)
            flow.waiting -= job.waiting
            if not flow.waiting:
                del self.flows[job.client]
            self.waiting -= job.waiting
            job.taken = job.rows


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
        self._lock = threading.Lock()
        self._lanes: list[Lane] = []
        self._batch_limit = batch_limit
        self._batch_s = batch_s
        self._queue_limit = queue_limit
        self._metrics = metrics
        self._idle = threads
        self._closed = False
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
        lane = Lane(name, run, self._lock)
        with self._lock:
            self._lanes.append(lane)
        self._metrics.queue_depth.labels(name).set_function(lambda: self._waiting(name))
        return lane

    def retire(self, lane: Lane) -> None:
        """Lets go of a lane once its jobs have run, those of callers that still hold it too."""
        with self._lock:
            lane.retired = True
            self._sweep()

    def submit(self, lane: Lane, inputs: Any, finish: Callable[[Any], T], client: str) -> Job[T]:
        """Queues rows; `finish(outputs)` runs in a kernel thread and makes the job's value.

        Raises QueueFullError for a client with as many rows waiting as there is room left in the
        lane's queue, or more: one alone gets half of it, two a third each, and there is always
        room for another (dynamic thresholds; Choudhury and Hahne, 1998).
        """
        with self._lock:
            own = lane.waiting_of(client)
            if own >= self._queue_limit - lane.waiting:
                raise QueueFullError(lane.waiting, own, self._queue_limit, self._drain_s(lane))
            if lane not in self._lanes:  # retired since its caller chose it
                self._lanes.append(lane)
            if not lane.waiting:
                busy = [other.used_s for other in self._lanes if other.waiting]
                lane.used_s = max(lane.used_s, min(busy, default=0.0))
            job = Job(inputs, finish, self._loop.create_future(), client)
            lane.add(job)
            while self._idle and (batch := self._next()) is not None:
                self._batches.put(batch)
        return job

    def close(self) -> None:
        """Ends the threads after the batches that they have; waits for them."""
        self._closed = True
        for _ in self._threads:
            self._batches.put(None)
        for thread in self._threads:
            thread.join()

    def _next(self) -> Batch | None:
        """A batch for an idle thread, which is idle no more; None if nothing waits. The lock is
        held."""
        waiting = [lane for lane in self._lanes if lane.waiting]
        if not waiting or self._closed:
            return None
        lane = min(waiting, key=lambda lane: lane.used_s)
        # What waits is shared among the idle threads: two faces for two threads run at once.
        share = math.ceil(lane.waiting / self._idle)
        self._idle -= 1
        return lane.take(min(share, lane.rows_in(self._batch_s, self._batch_limit)))

    def _work(self) -> None:
        while (batch := self._batches.get()) is not None:
            while batch is not None:
                batch.run()
                following = self._follow(batch)
                self._loop.call_soon_threadsafe(self._settle, batch)
                batch = following

    def _follow(self, batch: Batch) -> Batch | None:
        """What the thread that ran a batch runs next; None if nothing waits."""
        with self._lock:
            lane = batch.lane
            lane.used_s += batch.run_s
            lane.observe(batch.run_s / batch.rows)
            for job, result in batch.results:
                if isinstance(result, Exception):
                    lane.drop(job)
            self._idle += 1
            following = self._next()
            self._sweep()
            return following

    def _settle(self, batch: Batch) -> None:
        """Takes a batch's results to those who wait."""
        self._metrics.observe_batch(batch.lane.name, batch.rows, batch.run_s)
        for job, result in batch.results:
            if isinstance(result, Exception):
                if not job.future.done():
                    job.future.set_exception(result)
            elif result is not None and not job.future.done():
                job.future.set_result(result)

    def _waiting(self, name: str) -> int:
        return sum(lane.waiting for lane in self._lanes if lane.name == name)

    def _sweep(self) -> None:
        self._lanes = [lane for lane in self._lanes if lane.waiting or not lane.retired]

    def _drain_s(self, lane: Lane) -> float:
        return lane.waiting * lane.row_s / self.threads
