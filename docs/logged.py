"""What is logged in benchmarks/results/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"


def read(name: str) -> Any:
    """A measurement; None where it has not been made."""
    path = RESULTS / name
    return json.loads(path.read_text()) if path.exists() else None


def resident_bytes(row: dict[str, Any]) -> int:
    """What a prepared generator holds, all components."""
    return sum(row["resident_bytes"].values())
