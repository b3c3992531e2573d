"""Locust's figures by variant, and what they fall short of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from locust.stats import RequestStats, StatsEntry, calculate_response_time_percentile

from loadtest._client import variant_of
from loadtest._settings import Thresholds

COLUMNS = ("answers/s", "failed", "p50 ms", "p95 ms", "p99 ms")
FACE = "face ["


def merged(name: str, entries: Iterable[StatsEntry]) -> StatsEntry:
    """One entry for several."""
    total = StatsEntry(RequestStats(), name, "", use_response_times_cache=False)
    for entry in entries:
        total.extend(entry)
    return total


def faces_by_variant(stats: RequestStats) -> dict[str, StatsEntry]:
    """The requests for lone faces, which are alike in every variant and so can be compared."""
    found = {
        variant: entry
        for (name, _), entry in stats.entries.items()
        if name.startswith(FACE) and (variant := variant_of(name))
    }
    return dict(sorted(found.items()))


def answered(entry: StatsEntry) -> int:
    """Requests that did not fail; these alone have a response time."""
    return entry.num_requests - entry.num_failures


def percentile_ms(entry: StatsEntry, share: float) -> float:
    """Of the answers; Locust's own takes failures for the fastest of them before its 2.47."""
    return calculate_response_time_percentile(entry.response_times, answered(entry), share)


def table(rows: Mapping[str, StatsEntry], duration_s: float) -> str:
    """Aligned columns, a line a row."""
    lines = [f"{'':14}" + "".join(f"{column:>12}" for column in COLUMNS)]
    for label, entry in rows.items():
        shown = (
            f"{answered(entry) / max(duration_s, 1e-9):.1f}",
            f"{entry.fail_ratio:.2%}",
            *(f"{percentile_ms(entry, p):.1f}" for p in (0.5, 0.95, 0.99)),
        )
        lines.append(f"{label:14}" + "".join(f"{value:>12}" for value in shown))
    return "\n".join(lines)


def shortcomings(stats: RequestStats, duration_s: float, wanted: Thresholds) -> list[str]:
    """Every threshold that was missed, in words; a run without an answer misses too."""
    if answered(stats.total) == 0:
        return ["not one request was answered"]
    found = []
    faces = merged("faces", faces_by_variant(stats).values())
    for share, limit in ((0.95, wanted.p95_ms), (0.99, wanted.p99_ms)):
        if limit is None:
            continue
        measured = percentile_ms(faces, share)
        if answered(faces) == 0:
            found.append(f"p{share * 100:.0f} of lone faces is unknown: none was answered")
        elif measured > limit:
            found.append(f"p{share * 100:.0f} of lone faces was {measured:.0f} ms, over {limit:g}")
    failed = 100 * stats.total.fail_ratio
    if wanted.failed_percent is not None and failed > wanted.failed_percent:
        found.append(f"{failed:.2f} % of the requests failed, over {wanted.failed_percent:g} %")
    rate = answered(stats.total) / max(duration_s, 1e-9)
    if wanted.requests_per_s is not None and rate < wanted.requests_per_s:
        found.append(f"{rate:.1f} requests/s were answered, under {wanted.requests_per_s:g}")
    return found
