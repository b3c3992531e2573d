"""The README's table of variants, made from `results/variants.json`.

    python -m benchmarks.readme

A test checks that the README holds what this makes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import blocks, markdown
from benchmarks.variants import RESULT

README = Path(__file__).parents[1] / "README.md"


def table(result: dict[str, Any]) -> str:
    """The table in Markdown, each ratio beside its figure; beneath it what was measured, and on
    what."""
    rows = {row["variant"]: row for row in result["rows"]}
    wide = result["full_size_ms"]
    base = rows["float"]
    lines = []
    for name, row in rows.items():
        swd = row["swd"]
        levels = " / ".join(f"{swd[level]:.1f}" for level in ("64", "32", "16"))
        ms, base_ms = (each["ms_an_image"]["median"] for each in (row, base))
        lines.append(
            [
                f"`{name}`",
                _size(row["artifact_bytes"]) + _less(row["artifact_bytes"], base["artifact_bytes"]),
                _size(_resident(row)) + _less(_resident(row), _resident(base)),
                f"{ms:.2f}{_less(ms, base_ms)}",
                f"{wide[name]['median']:.2f}{_less(wide[name]['median'], wide['float']['median'])}",
                f"**{swd['mean']:.1f}** ({levels})",
            ]
        )
    if eager := result["pytorch_eager_ms"]:
        times = (f"{each['median']:.2f}" for each in (eager, wide["pytorch"]))
        lines.append(["float32 PyTorch", "–", "–", *times, "–"])
    head = [
        "variant",
        "file",
        "memory",
        "ms an image",
        "full size, ms",
        "SWD × 10³ (64 / 32 / 16 px)",
    ]
    machine = result["machine"]
    return (
        f"{markdown.table(head, lines)}\nOne image a call, one thread, {base['isa']} kernels, "
        f"{machine['cpu']}, {machine['measured_at'][:10]}.\n÷: how many times less than `float`. "
        "Full size: 1024-512-256-128-3, random weights. `python -m benchmarks.variants`.\n"
    )


def update(text: str, result: dict[str, Any]) -> str:
    """The README with its table made anew."""
    return blocks.fill(text, "variants", table(result))


def _resident(row: dict[str, Any]) -> int:
    return sum(row["resident_bytes"].values())


def _less(value: float, base: float) -> str:
    return "" if value == base else f" (÷ {base / value:.1f})"


def _size(count: int) -> str:
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


if __name__ == "__main__":
    README.write_text(update(README.read_text(), json.loads(RESULT.read_text())))
