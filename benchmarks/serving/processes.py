"""Servers as processes of their own, and what they and others take of the machine."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.processors import Ticks
from benchmarks.serving.client import Address
from deploy.running import running

HOST = "127.0.0.1"
START_S = 180.0  # NNCF calibrates before it serves
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A server that answers; its process and all that it started count as one."""

    address: Address
    pid: int

    def cpu_s(self) -> float:
        """Processor time so far, of processes that still live."""
        return sum(_cpu_s(pid) for pid in self._family())

    def rss_bytes(self) -> int:
        """Resident memory of the first process."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else 0

    def call(self, method: str, target: str, key: str = "", body: Any = None) -> bytes:
        """One call outside the measurement; raises for a status that is no success."""
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {key}"} if key else {}
        )
        host, port = self.address
        content = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"http://{host}:{port}{target}", content, headers)
        asked.method = method
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return bytes(answer.read())

    def metric(self, name: str) -> float:
        """The sum of a metric's samples whose line begins like this."""
        text = self.call("GET", "/metrics").decode()
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    def _family(self) -> list[int]:
        found, todo = [], [self.pid]
        while todo:
            found.append(pid := todo.pop())
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                todo += map(int, task.read_text().split())
        return found


@contextmanager
def service(**settings: object) -> Iterator[Server]:
    """`python -m service` with these settings (store=… is PBGEN_STORE) and no others."""
    with TemporaryDirectory() as data:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PBGEN_")}
        port = free_port()
        told = {"host": HOST, "port": port, "data": data, "drain_s": 0, **settings}
        environment |= {f"PBGEN_{name.upper()}": str(value) for name, value in told.items()}
        with serving([sys.executable, "-m", "service"], port, "/readyz", environment) as it:
            yield it


@contextmanager
def serving(
    command: Sequence[str], port: int, ready: str, environment: dict[str, str] | None = None
) -> Iterator[Server]:
    """A server from its first answer of 200 to `ready` on; its output is thrown away.

    Raises RuntimeError with the end of what it wrote if it does not come up.
    """
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with running(command, environment, log) as process:
            server = Server((HOST, port), process.pid)
            _wait(server, process, ready, log)
            yield server


def _wait(server: Server, process: subprocess.Popen[bytes], ready: str, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server.call("GET", ready)
            return
        except OSError:  # refused, or not ready
            time.sleep(0.1)
    raise RuntimeError(f"it does not come up: {log.read_text()[-300:]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def busy_s() -> float:
    """Processor time that all processes took since the machine came up."""
    return Ticks.now().busy * TICK_S


def _cpu_s(pid: int) -> float:
    """Of all its threads, to the nanosecond: /proc/PID/stat counts by ticks, and misses short
    turns."""
    total = 0
    for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            total += int(task.read_text().split()[0])
        except OSError:  # it has ended
            continue
    return total / 1e9
