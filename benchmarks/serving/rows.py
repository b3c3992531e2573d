"""A row of the results: a server under one load, and who took how much of the processors."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from benchmarks.serving import processes
from benchmarks.serving.client import Answers, Flow, drive
from benchmarks.serving.processes import Server

DISTURBED_CORES = 0.25  # taken by others, from which on a load is run again
ATTEMPTS = 3
Row = dict[str, Any]


def measured(server: Server, flows: Sequence[Flow], seconds: float) -> tuple[list[Answers], Row]:
    """The answers of flows that run side by side, and what the machine did meanwhile.

    Where others took more than DISTURBED_CORES it is run again; the least disturbed run counts,
    whatever it gave.
    """
    found = []
    for _ in range(ATTEMPTS):
        server_s, client_s = server.cpu_s(), time.process_time()
        busy_s, began = processes.busy_s(), time.perf_counter()
        answers = drive(server.address, flows, seconds)
        took_s = time.perf_counter() - began
        server_s, client_s = server.cpu_s() - server_s, time.process_time() - client_s
        others = (processes.busy_s() - busy_s - server_s - client_s) / took_s
        taken = {"server_cores": server_s / took_s, "client_cores": client_s / took_s}
        found.append((answers, taken | {"others_cores": max(others, 0.0)}))
        if others <= DISTURBED_CORES:
            break
    return min(found, key=lambda each: each[1]["others_cores"])


def load(server: Server, flow: Flow, seconds: float, name: str, model: str) -> Row:
    """One flow by itself; `name` and `model` say in the row what server it was."""
    (answers,), machine = measured(server, [flow], seconds)
    told = {"server": name, "model": model}
    loop = {"loop": "open" if flow.rate else "closed", "connections": flow.connections}
    return {**told, **loop, "offered_a_second": flow.rate, **summary(answers), **machine}


def summary(answers: Answers) -> Row:
    """The figures of a flow."""
    return {
        "answers_a_second": answers.rate,
        **{f"p{p}_ms": answers.percentile_ms(p) for p in (50, 95, 99)},
        "statuses": {str(status): n for status, n in sorted(answers.statuses.items()) if n},
    }
