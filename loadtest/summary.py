"""At the end: a table by variant, and the exit code that the thresholds LOAD_… ask for."""

from __future__ import annotations

import sys

from locust import events
from locust.env import Environment

from loadtest._client import SETTINGS
from loadtest._report import faces_by_variant, shortcomings, table


@events.quitting.add_listener
def conclude(environment: Environment, **_: object) -> None:
    """Prints the table; 1 is the exit code when a threshold was missed, else Locust's own."""
    stats = environment.stats
    if environment.runner is None or stats.start_time is None:
        return
    duration_s = (stats.last_request_timestamp or stats.start_time) - stats.start_time
    rows = {f"face {variant}": entry for variant, entry in faces_by_variant(stats).items()}
    print("\nLone faces by variant, and everything:")
    print(table({**rows, "all requests": stats.total}, duration_s), flush=True)
    missed = shortcomings(stats, duration_s, SETTINGS.thresholds)
    for each in missed:
        print(f"MISSED: {each}", file=sys.stderr)
    if missed:
        environment.process_exit_code = 1
    elif SETTINGS.thresholds.failed_percent is not None:
        # It says how many failures may be; without it Locust wants none.
        environment.process_exit_code = 0
