"""Connections that bring no whole request: which are closed, and which are waited for."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from tests import factories
from tests.exposition import sample
from tests.serving import Server, free_port, serving
from tests.waiting import until

DEADLINE_S = 2.0
HEAD = b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.fixture(scope="module")
def own(random_store: Path) -> Iterator[Server]:
    with serving(store=random_store, deadline_s=DEADLINE_S) as server:
        yield server


def connected(server: Server) -> socket.socket:
    address = httpx.URL(server.url)
    return socket.create_connection((address.host, address.port), timeout=10)


def is_served(connection: socket.socket) -> bool:
    """Whether an answer comes; reads it to its end."""
    answer = b""
    while b"alive" not in answer:
        if not (received := connection.recv(4096)):
            return False
        answer += received
    return True


def test_an_answer_comes_in_one_piece(own: Server) -> None:
    with connected(own) as connection:
        for target in ("/generate?variant=full&seed=7", "/generate?variant=nobody"):
            connection.sendall(f"POST {target} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
            head, _, body = connection.recv(1 << 16).partition(b"\r\n\r\n")
            assert b"content-length: %d\r\n" % len(body) in head
            assert body


@pytest.mark.parametrize("sent", [b"", HEAD[:7], HEAD[:-2]])
def test_half_a_head_is_not_waited_for(own: Server, sent: bytes) -> None:
    with ExitStack() as stack:
        began = time.monotonic()
        many = [stack.enter_context(connected(own)) for _ in range(50)]
        for each in many:
            each.sendall(sent)
        assert [each.recv(1) for each in many] == [b""] * 50
        assert DEADLINE_S <= time.monotonic() - began < 10
    assert httpx.get(f"{own.url}/livez").status_code == 200


@pytest.mark.parametrize("before", [b"", HEAD])
@pytest.mark.parametrize("trickle", [b"a", b"\r\n"])
def test_what_trickles_gets_no_more_time(own: Server, before: bytes, trickle: bytes) -> None:
    with connected(own) as connection:
        connection.sendall(before)
        assert not before or is_served(connection)
        connection.sendall(b"GET /" if trickle == b"a" else trickle)
        connection.settimeout(0.1)
        began = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - began < 10:
                with suppress(TimeoutError):
                    connection.sendall(trickle)
                    if not connection.recv(1):
                        break
        assert DEADLINE_S - 0.1 <= time.monotonic() - began < 10


def test_a_slow_head_that_comes_in_time_is_served(own: Server) -> None:
    with connected(own) as connection:
        for start in range(0, len(HEAD), 6):
            connection.sendall(HEAD[start : start + 6])
            time.sleep(0.1)
        assert is_served(connection)


def test_a_connection_may_be_idle_between_requests(own: Server) -> None:
    with connected(own) as connection:
        for _ in range(2):
            connection.sendall(HEAD)
            assert is_served(connection)
            time.sleep(1.2 * DEADLINE_S)
        connection.sendall(2 * HEAD + HEAD[:9])  # two at once, and a part of the next
        assert is_served(connection)


def test_an_answer_may_take_longer_than_a_head(own: Server) -> None:
    query = "/generate/stream?count=1000000&format=npy"
    with httpx.stream("POST", own.url + query, timeout=30) as answer:
        began = time.monotonic()
        for _ in answer.iter_bytes():
            if time.monotonic() - began > 1.5 * DEADLINE_S:
                break
        else:
            pytest.fail("it was cut off")


def test_the_log_tells_who_was_disconnected(random_store: Path) -> None:
    with serving(store=random_store, deadline_s=0.2) as server:
        with connected(server) as connection:
            assert connection.recv(1) == b""
        server.process.terminate()
        _, log = server.process.communicate(timeout=30)
    (line,) = [json.loads(each) for each in log.splitlines()]
    assert line["message"] == "127.0.0.1 had no request within 0.2 s, and is disconnected"


@pytest.mark.parametrize(("behind", "later"), [(0, 0), (1, 0), (9, 0), (0, 1), (1, 2)])
def test_who_leaves_is_noticed_whatever_else_it_asked_for(
    tmp_path: Path, behind: int, later: int
) -> None:
    widths = (128, 128, 128, 128, 128, 3)  # 64 images of these by NumPy take many seconds
    store = factories.store(tmp_path, ("full", "partial"), widths=widths, latent_dim=100)
    sent = b"POST /generate?variant=full&count=64 HTTP/1.1\r\nHost: here\r\n\r\n" + behind * HEAD
    with serving(store=store, threads=1, isa="numpy", batch_limit=1) as server:
        with httpx.Client(base_url=server.url) as client:

            def in_progress() -> float:
                return sample(client, "pbgen_requests_in_progress", variant="full")

            with connected(server) as leaving:
                leaving.sendall(sent)
                until(in_progress)
                for _ in range(later):
                    time.sleep(0.1)
                    leaving.sendall(HEAD)
            until(lambda: not in_progress())
            left = {"route": "/generate", "variant": "full", "code": "499"}
            assert sample(client, "pbgen_http_requests_total", **left) == 1
            assert sample(client, "pbgen_batch_size_sum", variant="full") < 64  # it was not made
        server.process.terminate()
        _, log = server.process.communicate(timeout=30)
    assert {json.loads(each)["level"] for each in log.splitlines()} == {"info"}


def test_many_that_come_at_once_are_all_served(own: Server) -> None:
    with ExitStack() as stack:
        many = [stack.enter_context(connected(own)) for _ in range(200)]
        for each in many:
            each.sendall(HEAD)
        assert all(is_served(each) for each in many)


def test_a_server_told_to_stop_listens_no_more(random_store: Path) -> None:
    port = free_port()
    with serving(store=random_store, port=port, deadline_s=5) as server:
        assert server.url == f"http://127.0.0.1:{port}"
        query = "/generate/stream?count=1000000&format=npy"
        with httpx.stream("POST", server.url + query, timeout=30):  # and so it does not end yet
            server.process.terminate()
            until(lambda: not is_listening(server))
            assert server.process.poll() is None
            with socket.create_server(("127.0.0.1", port)):  # for another
                pass
        told, _ = server.process.communicate(timeout=30)
    assert server.process.returncode == 0
    assert "PBGen serves" not in told  # once was enough


def is_listening(server: Server) -> bool:
    try:
        connected(server).close()
    except ConnectionRefusedError:
        return False
    return True
