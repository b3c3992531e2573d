"""Upgrade, which is ignored, and what is not HTTP, which is a problem like any other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.exposition import sample
from tests.serving import Server, serving
from tests.wire import CHUNK, LATENTS, LIVEZ, Connection, post

JAVA = (b"Connection: Upgrade, HTTP2-Settings", b"HTTP2-Settings: AAEAAEAA", b"Upgrade: h2c")


@pytest.fixture(scope="module")
def own(random_store: Path) -> Iterator[Server]:
    with serving(store=random_store) as server:
        yield server


@pytest.mark.parametrize("cut", [None, 60, -1, -len(LATENTS)])
def test_an_upgrade_is_ignored_and_the_body_read(own: Server, cut: int | None) -> None:
    plain = post(b"/generate", body=LATENTS)
    java = post(b"/generate", *JAVA, body=LATENTS)
    sent = [java] if cut is None else [java[:cut], java[cut:]]
    with Connection(own) as connection:
        expected = connection.ask(plain)
        assert expected.status == 200
        for _ in range(2):
            answer = connection.ask(*sent)
            assert (answer.status, answer.body) == (200, expected.body)
        connection.socket.sendall(3 * java + LIVEZ)
        assert [connection.answer().body for _ in range(3)] == [expected.body] * 3
        assert connection.answer().status == 200
        head = b"POST /generate HTTP/1.1\r\nContent-Type: application/json\r\n"
        chunks = b"Transfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % CHUNK
        assert connection.ask(head + b"\r\n".join((*JAVA, chunks))).body == expected.body
        assert connection.is_served()
        assert connection.ask(java.replace(b"Upgrade,", b"Upgrade, close,") + LIVEZ).status == 200
        assert connection.is_closed_by_server()
    with Connection(own) as connection:
        assert connection.ask(java.replace(b"HTTP/1.1", b"HTTP/1.0")).status == 200
        assert connection.is_closed_by_server()


@pytest.mark.parametrize("pieces", [1, 2])
def test_a_body_behind_an_upgrade_is_not_taken_for_a_request(own: Server, pieces: int) -> None:
    sent = post(b"/generate", *JAVA, body=LIVEZ)
    with Connection(own) as connection:
        parts = [sent] if pieces == 1 else [sent[: -len(LIVEZ)], LIVEZ]
        answer = connection.ask(*parts)
        assert answer.status == 400
        assert "must be a JSON object" in answer.problem["detail"]
        assert connection.is_served()


def test_a_web_socket_is_not_opened(own: Server) -> None:
    asked = LIVEZ[:-2] + b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"
    with Connection(own) as connection:
        connection.socket.sendall(asked + asked)
        assert [connection.answer().status for _ in range(2)] == [200, 200]
        assert connection.is_served()


NOT_HTTP = {
    b"GET /images/partial\xe9/1.png HTTP/1.1\r\n\r\n": "as %C3%A9",
    b"GET /a b HTTP/1.1\r\nHost: here\r\n\r\n": "for '/a' must be HTTP/1.1",
    b"GET http://[::1/livez HTTP/1.1\r\n\r\n": "for 'http://[::1/livez' must be",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03": "a line such as GET /livez HTTP/1.1",
    b"CONNECT example.org:443 HTTP/1.1\r\n\r\n": "not CONNECT",
    b"GET /livez HTTP/1.1\r\nno header\r\n\r\n": "lines such as Accept: image/png",
}


@pytest.mark.parametrize(("sent", "told"), NOT_HTTP.items())
@pytest.mark.parametrize("before", [b"", LIVEZ])
def test_what_is_not_http_is_a_problem(own: Server, before: bytes, sent: bytes, told: str) -> None:
    counted = {"route": "none", "variant": "", "code": "400"}
    with httpx.Client(base_url=own.url) as client, Connection(own) as connection:
        count = sample(client, "pbgen_http_requests_total", **counted)
        assert not before or connection.is_served()
        answer = connection.ask(sent)
        assert answer.status == 400
        assert told in answer.problem["detail"]
        assert answer.headers["connection"] == "close"
        assert answer.headers["date"]
        assert connection.is_closed_by_server()
        assert sample(client, "pbgen_http_requests_total", **counted) == count + 1


def test_what_is_not_http_keeps_its_id_in_the_log(random_store: Path) -> None:
    with serving(store=random_store) as server:
        with Connection(server) as connection:
            asked = b"POST /generate HTTP/1.1\r\nX-Request-ID: mine\r\n"
            answer = connection.ask(asked + b"Transfer-Encoding: chunked\r\n\r\nno length\r\n")
            assert answer.headers["x-request-id"] == "mine"
            assert "chunks" in answer.problem["detail"]
        with Connection(server) as connection:
            asked = b"GET /livez HTTP/1.1\r\nX-Request-ID: other\r\nA: b\r\n"
            answer = connection.ask(asked + b"no header\r\n\r\n")
            assert answer.headers["x-request-id"] == "other"
        server.process.terminate()
        _, log = server.process.communicate(timeout=30)
    lines = [json.loads(each) for each in log.splitlines()]
    assert {each["level"] for each in lines} == {"info"}
    told = {each["request_id"]: each for each in lines if each["status"] == 400}
    assert set(told) == {"mine", "other"}
    assert (told["other"]["route"], told["other"]["client"]) == ("none", "address:127.0.0.1")
