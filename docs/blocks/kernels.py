"""docs/kernels.md: the newest measurement of each kind of processor, a section each."""

from __future__ import annotations

from benchmarks.inference import results, tables


def figures() -> str:
    """The sections, the one with the most instruction sets first."""
    sections = (
        f"### {tables.title(each)}\n\n{tables.everything(each)}" for each in results.machines()
    )
    return "\n".join(sections)
