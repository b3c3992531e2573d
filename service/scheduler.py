"""Work waits in lanes; kernel threads take what waits, batched; the event loop never blocks.

A lane runs one function over rows: `run(list of inputs) → rows`. What the rows are, the scheduler
does not know. A free thread takes whatever waits in the lane that has had the least of the
threads' time, so a lone job starts at once and batches form only while all threads are busy.
Within a lane clients take turns, a few rows each, and so do a client's jobs: neither a huge job nor
a client with many holds up another. No client can fill a queue alone, either.

A thread that is done takes its next batch itself, whatever the event loop is busy with, so what
waits is behind a lock; the loop gives idle threads work, and tells those who wait what came of it.
While rows come one at a time, each has all threads.
"""

from __future__ import annotations

import asyncio
import math
import os
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from time import perf_counter
from typing import Any, TypeVar

from service.job import Job
from service.lane import Batch, Lane, Run
from service.metrics import Metrics
from service.room import Room

T = TypeVar("T")

NICE = 5  # of kernel threads
SHARED_S = 0.0005  # of a thread's time for a row, from which on it pays to share it
LONE_AFTER_S = 0.1  # without company, the next row is taken to be alone too


class QueueFullError(Exception):
    """The lane takes no more of this client now; `retry_after_s` is about when it will."""

    def __init__(self, held: int, own: int, limit: int, retry_after_s: float) -> None:
        super().__init__(f"{held} places are taken, {own} by this client; there are {limit}")
        self.held = held
        self.own = own  # of these places, the client's
        self.limit = limit
        self.retry_after_s = retry_after_s


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
        self._room = Room(queue_limit)
        self._metrics = metrics
        self._idle = threads
        self._clock_s = (
            0.0  # start-time fair queueing (Goyal, Vin and Cheng, 1996): never goes back
        )
        self._company_at = 0.0  # when a row last came that was not the only one
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

    def open(self, name: str, run: Run, run_together: Run | None = None) -> Lane:
        """A new lane for a function that threads may call at the same time.

        `run_together` gives the same by as many threads as there are here; it is called while
        rows come one at a time, and none of the threads runs anything else meanwhile.
        """
        lane = Lane(name, run, run_together or run, self._lock)
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

        Raises QueueFullError as `check_room` does.
        """
        with self._lock:
            self.check_room(lane, client)
            if lane not in self._lanes:  # retired since its caller chose it
                self._lanes.append(lane)
            if not lane.waiting:  # its turn is now: what it left unused is not saved up
                lane.used_s = max(lane.used_s, self._clock_s)
            if len(inputs) > 1 or any(each.all_held for each in self._lanes):
                self._company_at = perf_counter()
            job = Job(inputs, finish, self._loop.create_future(), client)
            lane.add(job)
            self._start()
        return job

    @property
    def is_crowded(self) -> bool:
        """Whether some lane holds half of what it may, so that `check_room` can fail."""
        return any(2 * lane.all_held >= self._room.places for lane in self._lanes)

    def check_room(self, lane: Lane, client: str) -> None:
        """Raises QueueFullError for a client with as many places in the lane as are left, or
        more: one alone gets half of them, two a third each, and there is always room for another
        (dynamic thresholds; Choudhury and Hahne, 1998).
        """
        own = lane.held[client]
        if own >= self._room.places - lane.all_held:
            self._room.refuse()
            raise QueueFullError(lane.all_held, own, self._room.places, self._drain_s(lane))

    def close(self) -> None:
        """Ends the threads after the batches that they have; waits for them."""
        self._closed = True
        for _ in self._threads:
            self._batches.put(None)
        for thread in self._threads:
            thread.join()

    def _start(self) -> None:
        """Gives idle threads what waits; the lock is held."""
        while self._idle and (batch := self._next()) is not None:
            self._batches.put(batch)

    def _next(self) -> Batch | None:
        """A batch for an idle thread, which is idle no more; None if nothing waits. The lock is
        held."""
        waiting = [lane for lane in self._lanes if lane.waiting]
        if not waiting or self._closed:
            return None
        lane = min(waiting, key=lambda lane: lane.used_s)
        self._clock_s = lane.used_s
        # What waits is shared among the idle threads: two faces for two threads run at once.
        share = math.ceil(lane.waiting / self._idle)
        batch = lane.take(min(share, lane.rows_in(self._batch_s, self._batch_limit)))
        is_lone = perf_counter() > self._company_at + LONE_AFTER_S
        if is_lone and self._idle == self.threads and lane.row_s >= SHARED_S:
            batch.threads = self.threads
        self._idle -= batch.threads
        return batch

    def _work(self) -> None:
        _yield_to_others()
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
            took_s = batch.run_s * batch.threads
            lane.used_s += took_s
            lane.observe(took_s / batch.rows)
            for job, result in batch.results:
                if isinstance(result, Exception):
                    lane.drop(job)
            self._idle += batch.threads
            following = self._next()
            self._start()
            self._sweep()
            return following

    def _settle(self, batch: Batch) -> None:
        """Takes a batch's results to those who wait. Only from here on is there room again, so that
        where the event loop is what is slow it is given less to do."""
        with self._lock:
            for job, part in batch.parts:
                batch.lane.release(job, part.stop - part.start)
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


def _yield_to_others() -> None:
    """Lets the event loop go first where cores are few: what it has to do is short."""
    if sys.platform == "linux":  # where a thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
