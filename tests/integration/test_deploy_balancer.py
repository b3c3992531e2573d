"""deploy/haproxy/haproxy.cfg in a real HAProxy, before replicas that are told what to answer."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from deploy.running import running
from tests.serving import ROOT, START_S, free_port

BALANCER = ROOT / "deploy" / "haproxy" / "haproxy.cfg"
REPLICAS = "server-template replica 8 pbgen:8000"  # of Docker's network

pytestmark = pytest.mark.skipif(
    shutil.which("haproxy") is None, reason="there is no haproxy on this machine"
)


class Replica:
    """Answers every request with one status, and remembers the paths."""

    def __init__(self, status: int) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked.append(self.path)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        return self.server.server_port


@contextmanager
def replicas(*statuses: int) -> Iterator[list[Replica]]:
    made = [Replica(status) for status in statuses]
    for each in made:
        Thread(target=each.server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        for each in made:
            each.server.shutdown()
            each.server.server_close()


@contextmanager
def balancing(folder: Path, ports: Sequence[int]) -> Iterator[httpx.Client]:
    """The balancer before replicas at these ports, which it takes for ready without asking."""
    text, port = BALANCER.read_text(), free_port()
    servers = "\n    ".join(f"server replica{each} 127.0.0.1:{each}" for each in ports)
    for ours, theirs in (
        (":8080", f"127.0.0.1:{port}"),
        (REPLICAS, servers),
        ("default-server check", "default-server"),
    ):
        assert text.count(ours) == 1
        text = text.replace(ours, theirs)
    configuration = folder / "haproxy.cfg"
    configuration.write_text(text)
    url = f"http://127.0.0.1:{port}"
    with (
        running(["haproxy", "-db", "-f", str(configuration)], log=folder / "log"),
        httpx.Client(base_url=url, timeout=START_S) as client,
    ):
        deadline = time.monotonic() + START_S
        while True:
            with suppress(httpx.ConnectError):
                client.get("/metrics")  # refused by the balancer itself: no replica sees it
                break
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield client


def test_haproxy_takes_its_configuration() -> None:
    command = ["haproxy", "-c", "-f", str(BALANCER)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("path", "status"),
    [("/metrics", 403), ("/metrics?x", 403), ("/%6detrics", 403), ("/livez", 503)],
)
def test_the_balancer_keeps_metrics_to_itself(path: str, status: int, tmp_path: Path) -> None:
    """It has no replica here: what it lets through gets 503."""
    with balancing(tmp_path, []) as client:
        assert client.get(path).status_code == status


def test_a_refused_face_is_tried_elsewhere(tmp_path: Path) -> None:
    """Here and below without a body: HAProxy repeats only what came in one piece."""
    with (
        replicas(503, 200) as (refusing, willing),
        balancing(tmp_path, [refusing.port, willing.port]) as client,
    ):
        answers = [client.post("/generate?seed=1").status_code for _ in range(6)]
    assert answers == [200] * 6
    assert refusing.asked


@pytest.mark.parametrize("path", ["/arena/votes", "/arena/votes?x", "/arena/%76otes"])
def test_a_vote_that_got_503_is_not_repeated(path: str, tmp_path: Path) -> None:
    """It may have been kept for all that; the other replica would say 409."""
    with (
        replicas(503, 201) as (refusing, willing),
        balancing(tmp_path, [refusing.port, willing.port]) as client,
    ):
        answers = [client.post(path).status_code for _ in range(6)]
    assert len(refusing.asked) + len(willing.asked) == 6
    assert answers.count(503) == len(refusing.asked) > 0


def test_a_vote_that_no_replica_took_is_tried_elsewhere(tmp_path: Path) -> None:
    with (
        replicas(201) as (willing,),
        balancing(tmp_path, [free_port(), willing.port]) as client,
    ):
        answers = [client.post("/arena/votes").status_code for _ in range(6)]
    assert answers == [201] * 6
    assert len(willing.asked) == 6
