"""What waits for one function, and the batches that threads take of it, in fair turns."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from service.job import Done, Job, Rows

Run = Callable[[Sequence[Any]], Rows]

TURN_ROWS = 8  # of one client and job at a time, while others wait too


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
    run_together: Run  # the same, on all threads at once
    lock: threading.Lock  # the scheduler's, held for every change of what waits
    flows: OrderedDict[str, Flow] = field(default_factory=OrderedDict)  # in the order of turns
    waiting: int = 0  # rows, of all flows
    held: Counter[str] = field(default_factory=Counter)  # places that are taken, by client
    all_held: int = 0
    used_s: float = 0.0  # of the threads' time; raised to the others' when work comes after a pause
    row_s: float = 0.0  # of a thread's time, of late, for one row
    retired: bool = False

    def observe(self, row_s: float) -> None:
        """Takes in how long a row took in the last batch."""
        self.row_s = row_s if self.row_s == 0 else 0.8 * self.row_s + 0.2 * row_s

    def rows_in(self, seconds: float, limit: int) -> int:
        """The rows that it runs in some seconds: at least one, at most `limit`."""
        return min(limit, max(1, int(seconds / self.row_s))) if self.row_s else limit

    def add(self, job: Job[Any]) -> None:
        """Takes in a job; the lock is held."""
        self._take_places(job, _places(job.rows))
        flow = self.flows.setdefault(job.client, Flow())
        flow.jobs.append(job)
        flow.waiting += job.rows
        self.waiting += job.rows

    def release(self, job: Job[Any], rows: int) -> None:
        """Counts rows of a job no more, as many as still are; the lock is held."""
        before = _places(job.unsettled)
        job.unsettled -= min(rows, job.unsettled)
        self._take_places(job, _places(job.unsettled) - before)

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
        self.release(job, job.rows)
        if job.waiting:
            flow = self.flows[job.client]
            flow.jobs.remove(job)
            flow.waiting -= job.waiting
            if not flow.waiting:
                del self.flows[job.client]
            self.waiting -= job.waiting
            job.taken = job.rows

    def _take_places(self, job: Job[Any], places: int) -> None:
        self.all_held += places
        self.held[job.client] += places
        if not self.held[job.client]:
            del self.held[job.client]


def _places(rows: int) -> int:
    """Of a job with so many rows on their way: others wait for no more than a turn of it."""
    return min(rows, TURN_ROWS)


@dataclass(eq=False)
class Batch:
    """Parts of jobs that run together, and after the run what each gave."""

    lane: Lane
    parts: list[tuple[Job[Any], slice]]
    threads: int = 1  # that it has: one, or all
    run_s: float = 0.0
    results: list[tuple[Job[Any], Done[Any] | Exception | None]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(part.stop - part.start for _, part in self.parts)

    def run(self) -> None:
        """Runs in a kernel thread; what a job raises is that job's result, and never leaves."""
        began = perf_counter()
        try:
            run = self.lane.run if self.threads == 1 else self.lane.run_together
            outputs = run([job.inputs[part] for job, part in self.parts])
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
