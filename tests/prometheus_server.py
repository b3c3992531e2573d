"""A real Prometheus for tests, with the configuration and the rules of deploy/."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.running import running
from deploy.stack import prometheus_command, prometheus_config
from tests.serving import free_port

# .ci/run installs it, so there its absence is a failure.
needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None and "CI" not in os.environ,
    reason="there is no prometheus on this machine: install the package of that name",
)
START_S = 30.0


class Prometheus:
    """A running server and its HTTP API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, call: str, **query: str) -> Any:
        """The data of an API call; an error of an expression raises with Prometheus's own words."""
        answer = httpx.get(f"{self.url}/api/v1/{call}", params=query, timeout=10).json()
        assert answer["status"] == "success", answer.get("error")
        return answer["data"]

    def samples(self, expr: str) -> list[dict[str, Any]]:
        return self.get("query", query=expr)["result"]

    def wait_for(self, expr: str) -> None:
        deadline = time.monotonic() + START_S
        while not self.samples(expr):
            assert time.monotonic() < deadline, f"still empty: {expr}"
            time.sleep(0.2)


@contextmanager
def prometheus_server(folder: Path, target: str) -> Iterator[Prometheus]:
    """Scrapes `target` (host:port) every second."""
    port = free_port()
    config = prometheus_config(folder, target, interval="1s")
    server = Prometheus(f"http://127.0.0.1:{port}")
    with running(prometheus_command(config, port)):
        deadline = time.monotonic() + START_S
        while True:
            try:
                httpx.get(f"{server.url}/-/ready", timeout=1).raise_for_status()
                break
            except httpx.HTTPError:
                assert time.monotonic() < deadline, "prometheus did not start"
                time.sleep(0.1)
        yield server
