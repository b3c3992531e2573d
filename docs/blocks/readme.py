"""README.md: the variants' table."""

from __future__ import annotations

from benchmarks import markdown
from docs import logged
from docs.blocks.measured import VARIANTS
from docs.logged import resident_bytes
from docs.units import size


def variants() -> str:
    """The table, each ratio beside its figure; beneath it what was measured, and on what."""
    result = logged.read(VARIANTS)
    rows = {row["variant"]: row for row in result["rows"]}
    base = rows["float"]
    lines = []
    for name, row in rows.items():
        swd = row["swd"]
        levels = " / ".join(f"{swd[level]:.1f}" for level in ("64", "32", "16"))
        ms, base_ms = (each["ms_an_image"]["median"] for each in (row, base))
        lines.append(
            [
                f"`{name}`",
                _bytes(row["artifact_bytes"], base["artifact_bytes"]),
                _bytes(resident_bytes(row), resident_bytes(base)),
                f"{ms:.2f}{_less(ms, base_ms)}",
                f"**{swd['mean']:.1f}** ({levels})",
            ]
        )
    if eager := result["pytorch_eager_ms"]:
        lines.append(["float32 PyTorch", "–", "–", f"{eager['median']:.2f}", "–"])
    head = [
        "variant",
        "file",
        "memory",
        "ms an image",
        "SWD × 10³ (64 / 32 / 16 px)",
    ]
    machine = result["machine"]
    return (
        f"{markdown.table(head, lines)}\nOne image a call, one thread, {base['isa']} kernels, "
        f"{machine['cpu']}, {machine['measured_at'][:10]}.\n÷: how many times less than `float`. "
        "`python -m benchmarks.variants`.\n"
    )


def _bytes(count: int, base: int) -> str:
    return size(count, 2) + _less(count, base)


def _less(value: float, base: float) -> str:
    return "" if value == base else f" (÷ {base / value:.1f})"
