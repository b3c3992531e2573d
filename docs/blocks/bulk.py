"""docs/bulk.md: images a second of one process, of two, and of Ray."""

from __future__ import annotations

from benchmarks import markdown
from docs import logged


def rates() -> str:
    """A row for each way to make them, from `results/bulk.json`."""
    result = logged.read("bulk.json")
    rows = []
    for row in result["rows"]:
        rate = row["images_a_second"]
        rows.append([row["hands"], f"{rate:,.0f}", f"{rate / row['cores']:,.0f}"])
    told = result["machine"]
    return (
        f"{markdown.table(['', 'images/s', 'a core'], rows)}\n"
        f"`partial`, {result['images']:,} PNGs in tars, the whole command with its start and "
        f"the disk; median of {result['rounds']}. {told['measured_at'][:10]}, {told['cpu']}.\n"
    )
