"""A server that stays crowded: what a refusal is to the byte, and what its connection is good for.

Plain requests are refused by the protocol, others by the app: nobody can tell which.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from service.security import SECURITY_HEADERS
from tests.exposition import sample
from tests.serving import Server, serving
from tests.waiting import until
from tests.wire import LIVEZ, Connection

DEADLINE_S = 0.5  # for a request's head, too
KEEP_ALIVE_S = 5.0  # uvicorn's
LIKE_A_REQUEST = b"GET /nowhere HTTP/1.1\r\nHost: here\r\n\r\n"  # what a body may be like


def face(*headers: str, request_id: str = "", version: str = "1.1", body: bytes = b"") -> bytes:
    """A request that is refused."""
    lines = [f"POST /generate?variant=full HTTP/{version}", "Host: here", *headers]
    lines += [f"X-Request-ID: {request_id}"] if request_id else []
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.fixture(scope="module")
def own(slow_store: Path) -> Iterator[Server]:
    with serving(
        store=slow_store,
        threads=1,
        isa="numpy",
        queue_limit=2,
        batch_limit=1,
        deadline_s=DEADLINE_S,
    ) as server:
        yield server


@pytest.fixture
def crowded(own: Server) -> Iterator[Server]:
    """A server with no place left, whatever its deadline: none ends a stream."""
    query = "/generate/stream?variant=full&count=1000000&format=npy"
    with httpx.stream("POST", own.url + query, timeout=60) as answer:
        assert answer.status_code == 200
        until(lambda: httpx.post(f"{own.url}/generate?variant=full").status_code == 503)
        yield own


def test_a_refusal_is_a_whole_problem(crowded: Server) -> None:
    with Connection(crowded) as connection:
        told = connection.ask(face(request_id="my.own-1"))
        assert told.status == 503
        names = [name.lower() for name in told.headers]
        assert len(set(names)) == len(names)
        assert told.headers["content-type"] == "application/problem+json"
        assert told.headers["x-request-id"] == "my.own-1"
        assert int(told.headers["retry-after"]) >= 1
        assert abs(parsedate_to_datetime(told.headers["date"]).timestamp() - time.time()) < 10
        for name, value in SECURITY_HEADERS:
            assert told.headers[name.decode()] == value.decode()
        problem = json.loads(told.body)
        assert problem["type"] == "urn:pbgen:problem:unavailable"
        assert problem["status"] == 503
        assert problem["instance"] == "urn:pbgen:request:my.own-1"
        assert "places for images of full are taken" in problem["detail"]
        ids = [connection.ask(face()).headers["x-request-id"] for _ in range(2)]
        assert all(len(each) == 32 for each in ids)
        assert ids[0] != ids[1]
        assert connection.ask(face(request_id="no word")).headers["x-request-id"] != "no word"


@pytest.mark.parametrize(
    ("header", "version", "closes"),
    [
        ("Origin: https://example.org", "1.1", False),
        ("X-Forwarded-For: 10.0.0.9", "1.1", False),
        ("Expect: 100-continue", "1.1", False),
        ("Connection: close", "1.1", True),
        ("Connection: keep-alive", "1.0", True),
    ],
)
def test_what_the_app_refuses_has_the_same_answer(
    crowded: Server, header: str, version: str, closes: bool
) -> None:
    with Connection(crowded) as connection:
        plain = connection.ask(face(request_id="same"))
        other = connection.ask(face(header, request_id="same", version=version))
        assert (plain.status, other.status) == (503, 503)
        headers = {name.lower() for name in other.headers}
        assert headers == {name.lower() for name in plain.headers} | (
            {"connection"} if closes else set()
        )
        for name in (
            "content-type",
            "x-request-id",
            *(each.decode() for each, _ in SECURITY_HEADERS),
        ):
            assert other.headers[name] == plain.headers[name]
        problems = [json.loads(each.body) for each in (plain, other)]
        assert list(problems[0]) == list(problems[1])
        for each in problems:
            each.pop("detail")  # its numbers change
        assert problems[0] == problems[1]
        if closes:
            assert other.headers["connection"] == "close"
            assert connection.is_closed_by_server()
        else:
            assert connection.is_served()


def test_a_connection_is_good_for_more_after_a_refusal(crowded: Server) -> None:
    with Connection(crowded) as connection:
        for i in range(3):
            told = connection.ask(face(request_id=f"ask-{i}"))
            assert (told.status, told.headers["x-request-id"]) == (503, f"ask-{i}")
            assert connection.is_served()
        assert [connection.ask(face()).status for _ in range(3)] == [503] * 3


def test_requests_of_one_packet_are_answered_in_order(crowded: Server) -> None:
    with Connection(crowded) as connection:
        by_app = face("X-Forwarded-For: 10.0.0.9", request_id="third")
        first, second, last = (face(request_id=each) for each in ("first", "second", "last"))
        connection.socket.sendall(first + second + LIVEZ + by_app + last + LIVEZ)
        answers = [connection.answer() for _ in range(6)]
        assert [each.status for each in answers] == [503, 503, 200, 503, 503, 200]
        ids = [each.headers["x-request-id"] for each in answers]
        assert [ids[i] for i in (0, 1, 3, 4)] == ["first", "second", "third", "last"]
        assert connection.is_served()


@pytest.mark.parametrize("later_s", [None, 0.0, 0.1])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_the_body_of_what_is_refused_is_not_taken_for_a_request(
    crowded: Server, later_s: float | None, is_chunked: bool
) -> None:
    body, length = LIKE_A_REQUEST, len(LIKE_A_REQUEST)
    header = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {length}"
    sent = b"%x\r\n%b\r\n0\r\n\r\n" % (length, body) if is_chunked else body
    with Connection(crowded) as connection:
        for _ in range(2):
            if later_s is None:
                connection.socket.sendall(face(header, body=sent))
                assert connection.answer().status == 503
            else:
                assert connection.ask(face(header)).status == 503
                time.sleep(later_s)
                connection.socket.sendall(sent[:9])
                time.sleep(later_s)
                connection.socket.sendall(sent[9:])
            assert connection.is_served()


def test_refusals_that_nobody_reads_come_in_order_later(crowded: Server) -> None:
    count = 8000  # more bytes of answers than sockets buffer
    sent = b"".join(face(request_id=f"r-{i}") for i in range(count))
    with Connection(crowded) as connection:
        writing = threading.Thread(target=connection.socket.sendall, args=(sent,))
        writing.start()
        writing.join(0.3)
        answers = [connection.answer() for _ in range(count)]
        writing.join()
        assert [each.headers["x-request-id"] for each in answers] == [
            f"r-{i}" for i in range(count)
        ]
        assert {each.status for each in answers} <= {200, 503}
        assert connection.is_served()


def test_who_is_refused_again_and_again_is_not_disconnected(crowded: Server) -> None:
    with Connection(crowded) as connection:
        began = time.monotonic()
        while time.monotonic() - began < 3 * DEADLINE_S:
            assert connection.ask(face()).status == 503
            time.sleep(0.2 * DEADLINE_S)
        assert connection.is_served()


def test_who_was_refused_may_be_idle_as_long_as_others(crowded: Server) -> None:
    with Connection(crowded) as connection:
        assert connection.ask(face()).status == 503
        time.sleep(2 * DEADLINE_S)
        began = time.monotonic()
        assert connection.ask(face()).status == 503
        assert connection.is_closed_by_server()
        assert KEEP_ALIVE_S - 0.5 < time.monotonic() - began < KEEP_ALIVE_S + 4


def test_who_sent_a_body_and_was_refused_may_be_idle_too(crowded: Server) -> None:
    with Connection(crowded) as connection:
        assert connection.ask(face("Content-Length: 20")).status == 503
        connection.socket.sendall(b" " * 20)
        time.sleep(2 * DEADLINE_S)
        assert connection.is_served()


def test_half_a_head_after_a_refusal_is_not_waited_for(crowded: Server) -> None:
    with Connection(crowded) as connection:
        assert connection.ask(face()).status == 503
        began = time.monotonic()
        connection.socket.sendall(LIVEZ[:9])
        assert connection.is_closed_by_server()
        assert DEADLINE_S - 0.1 < time.monotonic() - began < 4


def test_what_follows_a_refusal_in_its_packet_may_take_longer_than_idleness(
    crowded: Server,
) -> None:
    with Connection(crowded) as connection:
        stream = b"POST /generate/stream?variant=partial&count=64 HTTP/1.1\r\nHost: here\r\n\r\n"
        assert connection.ask(face() + stream).status == 503
        connection.socket.settimeout(0.5)
        began = time.monotonic()
        while time.monotonic() - began < KEEP_ALIVE_S + 2:
            with suppress(TimeoutError):
                assert connection.socket.recv(1 << 16), f"after {time.monotonic() - began:.1f} s"


def test_refusals_are_counted(crowded: Server) -> None:
    with httpx.Client(base_url=crowded.url) as client:

        def counts() -> tuple[float, float]:
            refused = {"route": "/generate", "variant": "full", "code": "503"}
            return (
                sample(client, "pbgen_http_requests_total", **refused),
                sample(client, "pbgen_requests_rejected_total", reason="overload"),
            )

        before = counts()
        with Connection(crowded) as connection:  # not before: its first head has a deadline
            connection.socket.sendall(3 * face() + 2 * face("Origin: https://example.org"))
            assert [connection.answer().status for _ in range(5)] == [503] * 5
        assert [now - then for now, then in zip(counts(), before, strict=True)] == [5, 5]
