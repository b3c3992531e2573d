"""docs/serving.md: the newest measurement of the service."""

from __future__ import annotations

from benchmarks.serving import results, tables
from benchmarks.serving import targets as wishes


def targets() -> str:
    """What was wanted, and what is; above it the machine, days and commits."""
    result = results.latest()
    parts, here = result["parts"], result["machine"]
    days = sorted({part["made"]["measured_at"][:10] for part in parts.values()})
    commits = sorted({part["made"]["commit"][:7] for part in parts.values()})
    return (
        f"Measured on {', '.join(days)}: {here['cpu']}, {here['cpus']} cores, {here['system']}; "
        f"commits {', '.join(commits)}.\n\n{wishes.table(parts)}"
    )


def figures() -> str:
    """All tables."""
    return tables.everything(results.latest()["parts"])
