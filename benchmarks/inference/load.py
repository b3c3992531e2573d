"""How much of the processors other programs take while something is measured (Linux)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processors import Ticks

PROC = Path("/proc")


@dataclass(frozen=True)
class Clock:
    """Processor time so far, in ticks: of all, of what was at work (or stolen), and of ours."""

    all: int
    busy: int
    ours: int

    @classmethod
    def now(cls, workers: Sequence[int]) -> Clock:
        """Ours are this process, its children that have ended, and the processes `workers`."""
        machine = Ticks.now()
        ours = sum(_ticks(process) for process in (os.getpid(), *workers))
        return cls(machine.all, machine.busy, ours)

    def others(self, later: Clock) -> float:
        """The share of all processors that went to other programs until `later`; 0 if unknown."""
        passed = later.all - self.all
        theirs = (later.busy - self.busy) - (later.ours - self.ours)
        return max(0, theirs) / passed if passed else 0.0


def _ticks(process: int) -> int:
    """Of a process and its children that have ended; 0 once it has ended itself."""
    try:
        # Behind the name, which is in parentheses: state, then numbers; 11 … 14 are times.
        fields = (PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15]))
