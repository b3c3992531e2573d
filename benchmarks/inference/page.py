"""The newest result's tables and plots in docs/kernels.md.

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


def update(text: str, result: results.Result) -> str:
    """The page with its figures made anew."""
    return blocks.fill(text, "figures", tables.everything(result))


def write(result: results.Result) -> None:
    PAGE.write_text(update(PAGE.read_text(), result))
    plots.speed(result, SPEED)
    plots.growth(result, GROWTH)


if __name__ == "__main__":
    write(results.newest())
