"""What all processors did since the machine came up (Linux)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

STAT = Path("/proc/stat")


@dataclass(frozen=True)
class Ticks:
    """Time of all processors together, and how much of it was at work, or stolen by a host."""

    all: int
    busy: int

    @classmethod
    def now(cls) -> Ticks:
        """Nothing where the system does not say."""
        if not STAT.exists():
            return cls(0, 0)
        user, nice, system, idle, wait, irq, softirq, stolen = map(
            int, STAT.read_text().split(maxsplit=9)[1:9]
        )
        busy = user + nice + system + irq + softirq + stolen
        return cls(busy + idle + wait, busy)
