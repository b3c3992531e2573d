"""The newest results' tables in docs/kernels.md, a section for each machine, and the plots of the
first.

    python -m benchmarks.inference.page

makes them again; a test checks that the page holds what this makes.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks import blocks
from benchmarks.inference import plots, results, tables

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "kernels.md"
SPEED, GROWTH = (DOCS / "pictures" / f"kernels-{name}.png" for name in ("speed", "growth"))


def update(text: str, machines: list[results.Result]) -> str:
    """The page with its figures made anew."""
    sections = (f"### {tables.title(each)}\n\n{tables.everything(each)}" for each in machines)
    return blocks.fill(text, "figures", "\n".join(sections))


def write() -> None:
    machines = results.machines()
    PAGE.write_text(update(PAGE.read_text(), machines))
    plots.speed(machines[0], SPEED)
    plots.growth(machines[0], GROWTH)


if __name__ == "__main__":
    write()
