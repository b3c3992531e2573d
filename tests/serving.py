"""A real server process on a real port, for tests that ask it over HTTP."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
START_S = 30.0  # on a machine that is busy with other tests


@dataclass(frozen=True)
class Server:
    """A running `python -m service`."""

    process: subprocess.Popen[str]
    url: str
    started_in_s: float

    def rss_bytes(self) -> int:
        return self._memory("VmRSS")

    def peak_bytes(self) -> int:
        """The most resident memory so far."""
        return self._memory("VmHWM")

    def cpu_s(self) -> float:
        """The processor time of all its threads so far: what else the machine does adds nothing."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def _memory(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) * 1024


def free_port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def environment(**settings: object) -> dict[str, str]:
    """This process's environment with only the given PBGEN_… settings: store=… is PBGEN_STORE."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PBGEN_")}
    return kept | {f"PBGEN_{name.upper()}": str(value) for name, value in settings.items()}


@contextmanager
def serving(**settings: object) -> Iterator[Server]:
    """Starts the service on a free port, with a data directory of its own, and stops it."""
    with TemporaryDirectory() as data:
        yield from _serve({"port": 0, "drain_s": 0, "data": data, **settings})


def _serve(settings: dict[str, object]) -> Iterator[Server]:
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "service"],
        cwd=ROOT,
        env=environment(**settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Server(process, _address(process), time.perf_counter() - began)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise


def _address(process: subprocess.Popen[str]) -> str:
    """The address that the service prints when it listens."""
    for line in process.stdout:
        if found := re.search(r"http://[^/']+", line):
            return found[0]
    raise RuntimeError(f"the service did not start: {process.stderr.read()}")
