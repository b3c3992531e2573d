"""The stack without Docker: one command runs all, and one signal ends all."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import redis

from tests.prometheus_server import needs_prometheus
from tests.redis_server import needs_redis
from tests.serving import ROOT, START_S, environment, free_port


@needs_prometheus
@needs_redis
def test_the_stack_runs_and_stops_whole(random_store: Path, tmp_path: Path) -> None:
    ports = {"service": free_port(), "redis": free_port(), "prometheus": free_port()}
    command = [sys.executable, "-m", "deploy.stack", "--folder", str(tmp_path)]
    for name, port in ports.items():
        command += [f"--{name}-port", str(port)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(store=random_store), stdout=subprocess.PIPE, text=True
    )
    try:
        scraped = f"http://127.0.0.1:{ports['prometheus']}/api/v1/query?query=pbgen_model_info"
        deadline = time.monotonic() + 2 * START_S
        found: list[object] = []
        while not found:
            assert process.poll() is None
            assert time.monotonic() < deadline, "Prometheus has no sample of the service"
            with suppress(httpx.HTTPError):  # 503 and no JSON, too, while it starts
                found = httpx.get(scraped).raise_for_status().json()["data"]["result"]
            time.sleep(0.2)
        assert len(found) == 3
        httpx.get(f"http://127.0.0.1:{ports['service']}/images/full/1.png").raise_for_status()
        told = "".join(process.stdout.readline() for _ in range(4))
        for address in re.findall(r"http://\S+", told):
            httpx.get(address, follow_redirects=True).raise_for_status()
        with redis.Redis(port=ports["redis"]) as client:
            assert client.dbsize() > 0  # the picture is shared
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=START_S)
    assert process.returncode == 0
    assert f"service     http://127.0.0.1:{ports['service']}" in told
    for port in ports.values():
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}", timeout=1)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("prometheus") is None
    command = [sys.executable, "-m", "deploy.stack"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "redis-server, prometheus" in done.stderr


@needs_prometheus
@needs_redis
def test_what_ended_is_told_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deploy.stack", "--folder", str(tmp_path)]
    for name in ("service", "redis", "prometheus"):
        command += [f"--{name}-port", str(free_port())]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(isa="abacus"), capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "error: service ended:\n  error: " in done.stderr
    assert "abacus" in done.stderr
