"""Where the measurements are kept, and the page that shows them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import blocks
from benchmarks.serving import tables, targets
from kernels import machine

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "serving.md"
SAME = ("cpu", "cpus", "memory_bytes", "isas", "system")  # of the machine, from part to part


def keep(found: tables.Parts) -> dict[str, Any]:
    """Adds parts to this day's file, in place of older ones; returns the whole."""
    told = machine.describe()
    path = RESULTS / f"serving-{told['measured_at'][:10]}.json"
    here = {name: told[name] for name in SAME}
    result: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if result.get("machine") != here:
        result = {"machine": here, "parts": {}}
    made = {name: value for name, value in told.items() if name not in SAME}
    result["parts"] |= {name: {**part, "made": made} for name, part in found.items()}
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return result


def latest() -> dict[str, Any]:
    """The newest file's content."""
    result: dict[str, Any] = json.loads(max(RESULTS.glob("serving-*.json")).read_text())
    return result


def update(text: str, result: dict[str, Any]) -> str:
    """The page with its blocks made anew."""
    parts, here = result["parts"], result["machine"]
    days = sorted({part["made"]["measured_at"][:10] for part in parts.values()})
    commits = sorted({part["made"]["commit"][:7] for part in parts.values()})
    on = f"Measured on {', '.join(days)}: {here['cpu']}, {here['cpus']} cores, {here['system']}; "
    on += f"commits {', '.join(commits)}.\n\n"
    text = blocks.fill(text, "targets", on + targets.table(parts))
    return blocks.fill(text, "figures", tables.everything(parts))


def write(result: dict[str, Any]) -> None:
    PAGE.write_text(update(PAGE.read_text(), result))


if __name__ == "__main__":
    write(latest())
