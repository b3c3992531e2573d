"""Heads without end, in size or in time; what comes in many packets; trailers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from service.security import LARGEST_HEADERS, LONGEST_URL
from tests.serving import Server, serving
from tests.wire import CHUNK, LATENTS, LIVEZ, Connection, post

DEADLINE_S = 2.0
STREAM = b"POST /generate/stream?count=%d&format=npy HTTP/1.1\r\nHost: here\r\n\r\n"
LINES = b"ab: \r\n" * (6 << 20) + b"\r\n"


@pytest.fixture(scope="module")
def own(random_store: Path) -> Iterator[Server]:
    with serving(store=random_store, deadline_s=DEADLINE_S) as server:
        yield server


@pytest.fixture(scope="module")
def idle(random_store: Path) -> Iterator[tuple[Server, int]]:
    """A server, and the bytes that it has had at most."""
    with serving(store=random_store) as server:
        assert httpx.get(server.url + "/livez").status_code == 200
        yield server, server.peak_bytes()


@pytest.mark.parametrize(
    ("sent", "status", "told"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n" + LINES, 431, LARGEST_HEADERS, id="lines"),
        pytest.param(
            b"GET / HTTP/1.1\r\na: " + b"x" * (32 << 20), 431, LARGEST_HEADERS, id="value"
        ),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"x" * (32 << 20), 431, LARGEST_HEADERS, id="name"),
        pytest.param(b"GET /" + b"x" * (32 << 20), 414, LONGEST_URL, id="url"),
        pytest.param(b"GET /%b HTTP/1.1\r\n\r\n" % (b"x" * 70_000), 414, LONGEST_URL, id="whole"),
        pytest.param(
            b"POST /livez HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n" + LINES,
            *(431, LARGEST_HEADERS),
            id="trailers",
        ),
    ],
)
@pytest.mark.parametrize("before", [b"", LIVEZ])
def test_a_head_without_end_is_refused(
    idle: tuple[Server, int], before: bytes, sent: bytes, status: int, told: int
) -> None:
    server, peak_bytes = idle
    with Connection(server) as connection:
        assert not before or connection.is_served()
        answer = connection.ask(sent)
        if answer.status == 405:  # of the request whose trailers have no end
            answer = connection.answer()
        assert answer.status == status
        assert f"at most {told} bytes, not " in answer.problem["detail"]
        assert answer.headers["connection"] == "close"
        assert connection.is_closed_by_server()
    assert server.peak_bytes() - peak_bytes < 8e6  # it was 153 MB


def test_heads_and_bodies_within_bounds_may_come_in_any_packets(own: Server) -> None:
    long = post(b"/generate?seed=1", b"X: " + b"x" * 12_000, *(b"y%d: y" % i for i in range(500)))
    large = post(b"/generate", body=LATENTS + b" " * 900_000)
    with Connection(own) as connection:
        pieces = [long[start : start + 1000] for start in range(0, len(long), 1000)]
        assert connection.ask(*pieces).status == 200
        for cut in (3, 40, 100):
            assert connection.ask(large[:cut], large[cut:]).status == 200
            assert connection.ask(large[:cut], large[cut:] + LIVEZ[:9], LIVEZ[9:]).status == 200
            assert b"alive" in connection.answer().body


def test_trailers_are_no_headers(own: Server) -> None:
    chunked = b"POST /generate HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\n\r\n" + CHUNK + b"0\r\n"
    kind = b"Content-Type: application/json\r\n"
    with Connection(own) as connection:
        for trailers in (b"", b"a: b\r\n" * 4000):  # more than headers may be
            assert connection.ask(chunked % kind + trailers + b"\r\n").status == 200
        assert connection.ask(chunked % b"" + kind + b"\r\n").status == 415


@pytest.mark.parametrize("piece", [b"a", b"a: b\r\n" * 3000])
def test_a_head_behind_an_answer_has_bounds_too(own: Server, piece: bytes) -> None:
    with Connection(own) as connection, suppress(ConnectionError):
        connection.socket.sendall(STREAM % 1_000_000)
        assert connection.socket.recv(100).startswith(b"HTTP/1.1 200 ")  # and reads no more
        connection.socket.sendall(b"GET / HTTP/1.1\r\n")
        began = time.monotonic()
        while time.monotonic() - began < 3 * DEADLINE_S:
            connection.socket.sendall(piece)
            time.sleep(0.1)
    took_s = time.monotonic() - began
    if piece == b"a":
        assert DEADLINE_S - 0.2 < took_s < 3 * DEADLINE_S
    else:
        assert took_s < DEADLINE_S


def test_who_sends_many_requests_waits_for_no_bound_of_ours(own: Server) -> None:
    with Connection(own) as connection:
        connection.socket.sendall(STREAM % 8000 + 5 * LIVEZ + LIVEZ[:9])
        time.sleep(1.5 * DEADLINE_S)  # the server reads nothing more until it has answered
        assert len(connection.answer().body) > 8000 * 1024
        assert [connection.answer().status for _ in range(5)] == [200] * 5
        assert b"alive" in connection.ask(LIVEZ[9:]).body
