"""The measurement as tables in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks import markdown
from benchmarks.serving.rows import Row

Parts = Mapping[str, Mapping[str, Any]]
LATENCIES = ("p50_ms", "p95_ms", "p99_ms")


def everything(parts: Parts) -> str:
    """All tables of the parts that there are, each under a line that says what it shows."""
    texts = [
        WORDS[name] + "\n\n" + TABLES[name](parts[name]).rstrip("\n")
        for name in WORDS
        if name in parts
    ]
    return "\n\n".join(texts) + "\n"


def loads(part: Mapping[str, Any]) -> str:
    """A row a load; what was absent is listed below."""
    head = ["server", "loop", "connections", "answers/s", "p50 ms", "p95 ms", "p99 ms"]
    head += ["cores: server", "client", "others"]
    rows = []
    for row in part["rows"]:
        loop = "closed" if row["loop"] == "closed" else f"open, {row['offered_a_second']:.0f}/s"
        rows.append(
            [
                f"{row['server']}, {row['model']}",
                loop,
                str(row["connections"]),
                f"{row['answers_a_second']:.0f}",
                *latencies(row),
                *(f"{row[f'{who}_cores']:.2f}" for who in ("server", "client", "others")),
            ]
        )
    told = [f"- {each['server']}: absent: {each['reason']}\n" for each in part.get("absent", ())]
    return markdown.table(head, rows) + ("\n" + "".join(told) if told else "")


def overload(part: Mapping[str, Any]) -> str:
    """Rated and crowded, a row each, with the probe that ran beside it."""
    head = ["model", "load", "statuses", "answers/s", "p50 ms", "p95 ms", "p99 ms"]
    head += ["probe", "its p50 ms", "p99 ms"]
    rows = []
    for row in part["rows"]:
        name = "metrics" if "metrics" in row else "livez"
        offered = row.get("offered_a_second")
        rows.append(
            [
                row["model"],
                row["load"] + (f", {offered:.0f}/s offered" if offered else ""),
                ", ".join(f"{n} × {status}" for status, n in row["statuses"].items()),
                f"{row['answers_a_second']:.0f}",
                *latencies(row),
                f"/{name}",
                milliseconds(row[name]["p50_ms"]),
                milliseconds(row[name]["p99_ms"]),
            ]
        )
    return markdown.table(head, rows)


def cost(part: Mapping[str, Any]) -> str:
    """Outside the kernels, and in them."""
    rows = [
        [
            f"outside the kernels, {row['connections']} connection{'s' * (row['connections'] > 1)}",
            f"{row['outside_kernels_ms']:.3f}",
        ]
        for row in part["rows"]
    ]
    for name, met in part["kernels"].items():
        for batch, ms in met["ms_an_image"].items():
            rows.append([f"kernels ({met['isa']}), {name}, {batch} in a batch", f"{ms:.3f}"])
    return markdown.table(["an image's", "ms of one core"], rows)


def figures(part: Mapping[str, Any]) -> str:
    """Names, words and numbers of a part that is a single record."""
    rows = []
    for name, value in part.items():
        if isinstance(value, int | float | str):
            text = value if isinstance(value, str) else _number(value)
            rows.append([name.replace("_", " "), text])
    return markdown.table(["", ""], rows)


def _number(value: float) -> str:
    return f"{value:.1f}" if isinstance(value, float) else f"{value:,}"


def latencies(row: Row) -> list[str]:
    return [milliseconds(row[name]) for name in LATENCIES]


def milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


WORDS = {
    "cost": "**One request.** Processor time of a single PNG outside the kernels, measured with a "
    "generator so narrow that they take next to none, and subtracted; beneath it the kernels "
    "alone, one thread.",
    "speed": "**Single faces**, PNG, random seeds.",
    "peers": "**Beside LitServe** (batches of at most 32, waiting 5 ms) with the full-size "
    "`float`, as one would serve it without this project; pbgen serves `partial`. The same PNG "
    "encoder, in one run.",
    "overload": "**Overload**: four times the rated load on offer. Latencies are of answers of "
    "200, from the moment when they were due.",
    "stream": "**A stream** of .npy by `partial` to one reader.",
    "soak": "**Memory** over many requests with swaps among them.",
    "leavers": "**A client that leaves** 0.3 s after asking for a grid of 64 of a slow generator: "
    "until nothing of it waits or runs on.",
}
TABLES = {
    "cost": cost,
    "speed": loads,
    "peers": loads,
    "overload": overload,
    "stream": figures,
    "soak": figures,
    "leavers": figures,
}
