"""What the environment says about a load test: LOAD_…, all optional."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

VARIANTS = ("float", "full", "partial")
SHAPES = ("steps", "spike", "soak")
PREFIX = "LOAD_"
NAMES = (
    "LOAD_SHAPE",
    "LOAD_USERS",
    "LOAD_DURATION_S",
    "LOAD_WEIGHTS",
    "LOAD_P95_MS",
    "LOAD_P99_MS",
    "LOAD_FAILED_PERCENT",
    "LOAD_REQUESTS_PER_S",
    "LOAD_KEY",
)


@dataclass(frozen=True)
class Thresholds:
    """What a run must reach; None is off. Latencies are of lone faces, rates of all answers."""

    p95_ms: float | None
    p99_ms: float | None
    failed_percent: float | None
    requests_per_s: float | None


@dataclass(frozen=True)
class LoadSettings:
    """All of the environment's words."""

    shape: str | None
    users: int  # of a shape, at most
    duration_s: float  # of a shape
    weights: Mapping[str, int]  # how often a task draws each variant
    thresholds: Thresholds
    key: str | None  # the service's API key


def load_settings(environ: Mapping[str, str] = os.environ) -> LoadSettings:
    """An empty value counts as absent, as docker-compose.yml passes it.

    ValueError names the first value that is wrong, or variable that looks like a slip for one of
    ours, and what would be right. Others may begin alike: LOAD_BALANCER_PORT, a link of Kubernetes.
    """
    ours = [name.removeprefix(PREFIX) for name in NAMES]
    for name in sorted(set(environ).difference(NAMES)):
        near = get_close_matches(name.removeprefix(PREFIX).upper(), ours, n=1)
        if name.startswith(PREFIX) and near:
            raise ValueError(f"{name} is no setting; {PREFIX}{near[0]} is")

    def number(name: str) -> float | None:
        text = environ.get(name)
        try:
            value = float(text) if text else None
        except ValueError:
            value = -1.0
        if value is not None and not 0 <= value < float("inf"):
            raise ValueError(f"{name} must be a number from 0 on, not {text!r}")
        return value

    shape = environ.get("LOAD_SHAPE") or None
    if shape not in (None, *SHAPES):
        raise ValueError(f"LOAD_SHAPE must be one of {', '.join(SHAPES)}, not {shape!r}")
    return LoadSettings(
        shape=shape,
        users=int(number("LOAD_USERS") or 64),
        duration_s=number("LOAD_DURATION_S") or 120.0,
        weights=_weights(environ.get("LOAD_WEIGHTS") or "float=1,full=1,partial=2"),
        thresholds=Thresholds(
            p95_ms=number("LOAD_P95_MS"),
            p99_ms=number("LOAD_P99_MS"),
            failed_percent=number("LOAD_FAILED_PERCENT"),
            requests_per_s=number("LOAD_REQUESTS_PER_S"),
        ),
        key=environ.get("LOAD_KEY") or None,
    )


def _weights(text: str) -> dict[str, int]:
    """ "float=1,partial=9" → {"float": 1, "partial": 9}; a variant that is not named gets none."""
    weights = {}
    for part in text.split(","):
        variant, _, weight = part.strip().partition("=")
        if variant not in VARIANTS or not weight.isdecimal():
            raise ValueError(f"LOAD_WEIGHTS must be like float=1,full=1,partial=2, not {text!r}")
        weights[variant] = int(weight)
    if not any(weights.values()):
        raise ValueError(f"LOAD_WEIGHTS must give some variant more than 0, not {text!r}")
    return weights
