"""Contestants take turns, round by round; a row is one contestant at one batch size."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.inference.contestant import Absent, Contestant
from benchmarks.inference.load import Clock
from benchmarks.inference.worker import Ready, Worker
from kernels.bench import percentile

SETTLE_S = 0.01  # between turns: a runtime's threads that wait by spinning go to sleep


@dataclass
class Row:
    """Milliseconds an image of a contestant, calls of `batch` images."""

    contestant: Contestant
    batch: int
    times_ms: list[float] = field(default_factory=list, repr=False)

    def to_json(self) -> dict[str, Any]:
        """The 10th and 90th percentile show the spread."""
        return {
            **self.contestant.to_json(),
            "batch": self.batch,
            "median_ms": percentile(self.times_ms, 50),
            "p10_ms": percentile(self.times_ms, 10),
            "p90_ms": percentile(self.times_ms, 90),
            "calls": len(self.times_ms),
        }


@dataclass
class Outcome:
    """The rows of those who took part, what they said of themselves, and why others did not."""

    rows: list[Row]
    ready: dict[Contestant, Ready]
    absent: dict[Contestant, str]
    other_load: float = 0.0  # share of the processors that other programs took during the turns


def race(
    entries: Mapping[Contestant, Sequence[int]],
    folder: Path,
    seconds: float,
    rounds: int,
    check: Callable[[Contestant, Ready], None] = lambda _contestant, _ready: None,
    between: Callable[[], None] = lambda: None,
) -> Outcome:
    """Every contestant at each of its batch sizes, for about `seconds` a row in so many rounds.

    A row whose calls are long sits out rounds until the others have caught up.
    check    raises Absent of one that must not take part
    between  is called before each round
    """
    workers = [Worker(contestant, folder, batches) for contestant, batches in entries.items()]
    outcome = Outcome([], {}, {})
    try:
        for worker in workers:
            try:
                ready = worker.ready()
                check(worker.contestant, ready)
                outcome.ready[worker.contestant] = ready
            except Absent as reason:
                outcome.absent[worker.contestant] = str(reason)
        turns = [
            (worker, Row(worker.contestant, batch))
            for worker in workers
            for batch in entries[worker.contestant]
        ]
        processes = [worker.process for worker in workers]
        before = Clock.now(processes)
        _take_turns(turns, seconds, rounds, outcome.absent, between)
        outcome.other_load = before.others(Clock.now(processes))
        outcome.rows = [row for _, row in turns if row.contestant not in outcome.absent]
    finally:
        for worker in workers:
            worker.close()
    return outcome


def _take_turns(
    turns: Sequence[tuple[Worker, Row]],
    seconds: float,
    rounds: int,
    absent: dict[Contestant, str],
    between: Callable[[], None],
) -> None:
    spent = [0.0] * len(turns)
    for done in range(rounds):
        between()
        for i, (worker, row) in enumerate(turns):
            if row.contestant in absent or spent[i] > seconds * done / rounds:
                continue
            time.sleep(SETTLE_S)
            try:
                times = worker.turn(row.batch, seconds / rounds)
            except Absent as reason:
                absent[row.contestant] = str(reason)
                continue
            spent[i] += sum(times)
            row.times_ms += [1e3 * each / row.batch for each in times]
