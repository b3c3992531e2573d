"""What was wanted of the service (its issue's figures), beside what a measurement met."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks import markdown
from benchmarks.serving.rows import Row
from benchmarks.serving.tables import Parts

ALLOWED = {"200", "429", "503"}  # under overload


@dataclass(frozen=True)
class Target:
    """One wish; `met` is None where its part was not measured."""

    wanted: str
    measured: str
    met: bool


def table(parts: Parts) -> str:
    """A row a wish, losses among them; and what bounds the speed here."""
    rows = [
        [each.wanted, each.measured, "yes" if each.met else "**no**"] for each in targets(parts)
    ]
    return markdown.table(["wanted", "measured", "met"], rows) + "\n" + bound(parts)


def targets(parts: Parts) -> Iterator[Target]:
    """Those whose parts were measured."""
    if "cost" in parts:
        ms = max(row["outside_kernels_ms"] for row in parts["cost"]["rows"])
        yield Target("a PNG costs ≤ 0.5 ms of CPU outside the kernels", f"{ms:.2f} ms", ms <= 0.5)
    if "speed" in parts:
        yield from _speed(parts["speed"])
    if "peers" in parts:
        yield from _ratios(parts["peers"])
    if "overload" in parts:
        yield from _overload(parts["overload"])
    if "stream" in parts:
        yield from _stream(parts["stream"])
    if "soak" in parts:
        met = parts["soak"]
        done, grown = met["statuses"].get("200", 0), met["rss_grown_bytes"] / 1e6
        yield Target(
            "memory grows ≤ 20 MB over 100,000 requests and 200 swaps",
            f"{grown:.1f} MB over {done:,} and {met['swaps']}",
            grown <= 20 and set(met["statuses"]) == {"200"},
        )
    if "leavers" in parts:
        ms = parts["leavers"]["max_ms"]
        yield Target(
            "a client that leaves frees its place within 100 ms", f"{ms:.0f} ms", ms <= 100
        )


def latency(ms: float | None) -> float:
    """Without a single answer of 200 nothing is met."""
    return math.inf if ms is None else ms


def shown(ms: float) -> str:
    return "no answer" if math.isinf(ms) else f"{ms:.2f} ms" if ms < 10 else f"{ms:.0f} ms"


def _speed(part: Mapping[str, Any]) -> Iterator[Target]:
    for model in ("full size", "base 64"):
        rows = [r for r in part["rows"] if r["model"] == model and r["loop"] == "closed"]
        one, many = rows[0], rows[-1]
        rate, p99 = many["answers_a_second"], latency(many["p99_ms"])
        yield Target(
            f"{model}, 64 connections: ≥ 2,200 answers/s with p99 ≤ 55 ms",
            f"{rate:,.0f}/s, {shown(p99)}",
            rate >= 2200 and p99 <= 55,
        )
        p50 = latency(one["p50_ms"])
        yield Target(f"{model}, one connection: p50 ≤ 1.1 ms", shown(p50), p50 <= 1.1)


def _ratios(part: Mapping[str, Any]) -> Iterator[Target]:
    rates = {(r["server"], r["connections"]): r["answers_a_second"] for r in part["rows"]}
    for runtime, least in (("pytorch", 12), ("openvino", 5)):
        name = f"LitServe, {runtime}"
        if (name, 64) in rates:
            times = rates["pbgen", 64] / rates[name, 64]
            wanted = f"≥ {least} times LitServe by {runtime}, 64 connections"
            yield Target(wanted, f"{times:.1f} times", times >= least)


def _overload(part: Mapping[str, Any]) -> Iterator[Target]:
    for rated, crowded in zip(part["rows"][::2], part["rows"][1::2], strict=True):
        model = rated["model"]
        statuses = crowded["statuses"]
        yield Target(
            f"{model}, 4× overload: only 200, 429 and 503",
            ", ".join(f"{n} × {status}" for status, n in statuses.items()),
            set(statuses) <= ALLOWED,
        )
        p99, limit = latency(crowded["p99_ms"]), 2 * latency(rated["p99_ms"])
        yield Target(
            f"{model}, 4× overload: p99 of what is accepted ≤ 2× the rated one",
            f"{shown(p99)}, 2× {shown(limit / 2)}",
            p99 <= limit,
        )
        livez = latency(crowded["livez"]["p99_ms"])
        yield Target(f"{model}, 4× overload: /livez p99 ≤ 50 ms", shown(livez), livez <= 50)
        scrape = latency(rated["metrics"]["p50_ms"])
        yield Target(f"{model}, rated load: /metrics ≤ 10 ms (median)", shown(scrape), scrape <= 10)


def _stream(met: Mapping[str, Any]) -> Iterator[Target]:
    share = met["images_a_second"] / met["kernels_images_a_second"]
    yield Target(
        "a stream of 100,000 reaches ≥ 70 % of the kernels' rate",
        f"{share:.0%} ({met['images_a_second']:,.0f} of {met['kernels_images_a_second']:,.0f}/s)",
        share >= 0.7,
    )
    grown = met["rss_grown_bytes"] / 1e6
    yield Target("its memory is flat (≤ 10 MB)", f"{grown:.1f} MB", grown <= 10)


def bound(parts: Parts) -> str:
    """The most that these cores could answer, in a sentence."""
    if not {"cost", "speed"} <= set(parts):
        return ""
    outside = parts["cost"]["rows"][-1]["outside_kernels_ms"]
    texts = []
    for model in ("full size", "base 64"):
        rows: list[Row] = [r for r in parts["speed"]["rows"] if r["model"] == model]
        many = next(r for r in rows if r["connections"] == 64 and r["loop"] == "closed")
        met = parts["cost"]["kernels"][model]
        kernel, client = met["ms_an_image"]["32"], many["client_cores"] / many["answers_a_second"]
        most = met["threads"] / (kernel + outside + client * 1e3) * 1e3
        share = many["answers_a_second"] / most
        texts.append(
            f"{model}: {kernel:.2f} + {outside:.2f} + {client * 1e3:.2f} ms of core time for an "
            f"answer (kernels, service, client) on {met['threads']} cores bound it to {most:,.0f} "
            f"answers/s, of which {share:.0%} were reached"
        )
    return "What the machine allows. " + "; ".join(texts) + ".\n"
