"""A result: one JSON file for each machine and day, `results/kernels-DATE-CPU.json`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.inference.contestant import KERNELS

RESULTS = Path(__file__).parents[1] / "results"
Result = dict[str, Any]


def write(result: Result) -> Path:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / name(result["machine"])
    path.write_text(json.dumps(result, indent=1) + "\n")
    return path


def name(machine: dict[str, Any]) -> str:
    """The file's name, as of the description of a machine."""
    cpu = re.sub(r"\W+|family/model/stepping", "-", machine["cpu"].lower())
    return f"kernels-{machine['measured_at'][:10]}-{re.sub('-+', '-', cpu).strip('-')}.json"


def machines() -> list[Result]:
    """Of each kind of processor the result that was measured last; first the one with the most
    instruction sets.
    """
    made = [json.loads(path.read_text()) for path in RESULTS.glob("kernels-*.json")]
    made.sort(key=lambda result: result["machine"]["measured_at"])
    newest = {result["machine"]["cpu"]: result for result in made}
    return sorted(newest.values(), key=_instruction_sets, reverse=True)


def _instruction_sets(result: Result) -> int:
    return len({row["mode"] for row in result["rows"] if row["runtime"] == KERNELS})
