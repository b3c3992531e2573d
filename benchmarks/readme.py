"""The README's table of variants, made from `results/variants.json`.

    python -m benchmarks.readme

A test checks that the README holds what this makes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import blocks
from benchmarks.variants import RESULT

README = Path(__file__).parents[1] / "README.md"
NAMES = {"pytorch": "float32 PyTorch"}


def table(result: dict[str, Any]) -> str:
    """The table in Markdown; beneath it the machine, and the ratios that the project is about."""
    lines = [
        "| variant | artifact | resident | ms an image | SWD × 10³ at 64 / 32 / 16, mean |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    rows = {row["variant"]: row for row in result["rows"]}
    for name, row in rows.items():
        swd = row["swd"]
        levels = " / ".join(f"{swd[level]:.1f}" for level in ("64", "32", "16"))
        lines.append(
            f"| `{name}` | {_size(row['artifact_bytes'])} | {_size(_resident(row))} "
            f"| {row['ms_an_image']['median']:.2f} | {levels}, **{swd['mean']:.1f}** |"
        )
    memory = _resident(rows["float"]) / _resident(rows["partial"])
    artifact = rows["float"]["artifact_bytes"] / rows["partial"]["artifact_bytes"]
    wide = ", ".join(
        f"{NAMES.get(name, f'`{name}`')} {time['median']:.2f} ms"
        for name, time in result["full_size_ms"].items()
    )
    eager = result["pytorch_eager_ms"]
    beside = f"; float32 PyTorch takes {eager['median']:.2f} ms" if eager else ""
    return "\n".join(lines) + (
        f"\n\nOne image a call, one thread, {result['rows'][0]['isa']} kernels{beside}. `partial` "
        f"holds {memory:.1f} times less memory than `float`; its file is {artifact:.1f} times "
        f"smaller. At full size (1024-512-256-128-3, random weights): {wide}. Measured on "
        f"{result['machine']['measured_at'][:10]}, {result['machine']['cpu']}.\n"
    )


def update(text: str, result: dict[str, Any]) -> str:
    """The README with its table made anew."""
    return blocks.fill(text, "variants", table(result))


def _resident(row: dict[str, Any]) -> int:
    return sum(row["resident_bytes"].values())


def _size(count: int) -> str:
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


if __name__ == "__main__":
    README.write_text(update(README.read_text(), json.loads(RESULT.read_text())))
