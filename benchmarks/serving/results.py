"""A result: one JSON file a day, `results/serving-DATE.json`, which parts are added to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.serving import tables
from kernels import machine

RESULTS = Path(__file__).parents[1] / "results"
SAME = ("cpu", "cpus", "memory_bytes", "isas", "system")  # of the machine, from part to part


def keep(found: tables.Parts) -> None:
    """Adds parts to this day's file, in place of older ones."""
    told = machine.describe()
    path = RESULTS / f"serving-{told['measured_at'][:10]}.json"
    here = {name: told[name] for name in SAME}
    result: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if result.get("machine") != here:
        result = {"machine": here, "parts": {}}
    made = {name: value for name, value in told.items() if name not in SAME}
    result["parts"] |= {name: {**part, "made": made} for name, part in found.items()}
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def latest() -> dict[str, Any]:
    """The newest file's content."""
    result: dict[str, Any] = json.loads(max(RESULTS.glob("serving-*.json")).read_text())
    return result
