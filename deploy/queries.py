"""Queries, panels and rows as plain records, and the forms of PromQL that they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

WINDOW = "$__rate_interval"  # Grafana's: four scrapes at least
CHOSEN = 'variant=~"$variant"'
FACES = f'route="/generate",{CHOSEN}'
BY_VARIANT = "{{variant}}"
WAITING = ("queue ", "images waiting ")  # legends of what waits: dashed, beside what works


@dataclass(frozen=True)
class Query:
    """A PromQL expression, and what to call each series that it returns."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Threshold:
    """The colour of values from `start` on; on a time series, a line there."""

    start: float | None  # None: what is below all others
    colour: str  # a name of Grafana's


@dataclass(frozen=True)
class Panel:
    """A rectangle of the dashboard; `width` is in Grafana's 24ths of a row."""

    title: str
    kind: Literal["timeseries", "stat", "bargauge"]
    unit: str  # a Grafana unit
    width: int
    queries: tuple[Query, ...]
    description: str
    stacked: bool = False
    thresholds: tuple[Threshold, ...] = ()  # rising


@dataclass(frozen=True)
class Row:
    """A heading and the panels beneath it, all of one height (30 pixels each)."""

    title: str
    height: int
    panels: tuple[Panel, ...]


def quantile(share: float) -> str:
    rates = f"rate(pbgen_http_request_duration_seconds_bucket{{{FACES}}}[{WINDOW}])"
    return f"histogram_quantile({share}, sum by (variant, le) ({rates}))"


def mean(metric: str, selector: str, label: str) -> str:
    total, count = (f"rate({metric}_{part}{{{selector}}}[{WINDOW}])" for part in ("sum", "count"))
    return f"sum by ({label}) ({total}) / sum by ({label}) ({count})"


def rate(metric: str, label: str, selector: str = "") -> str:
    return f"sum by ({label}) (rate({metric}{{{selector}}}[{WINDOW}]))"


def ratio(expr: str) -> str:
    """Float's over partial's, of an expression in which VARIANT stands for the variant."""
    return f"{expr.replace('VARIANT', 'float')} / {expr.replace('VARIANT', 'partial')}"
