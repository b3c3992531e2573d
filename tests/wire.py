"""HTTP/1.1 byte for byte, for tests of what no client library would send."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from http.client import parse_headers

import httpx

from service.security import SECURITY_HEADERS
from tests.serving import Server

LIVEZ = b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n"
LATENTS = json.dumps({"latents": [[0.5] * 12]}).encode()
CHUNK = b"%x\r\n%b\r\n" % (len(LATENTS), LATENTS)


@dataclass(frozen=True)
class Answer:
    """What a server answers, as it comes."""

    status: int
    headers: Message
    body: bytes

    @property
    def problem(self) -> dict[str, str]:
        """What it says is wrong, which is as much of a problem as any of the app's."""
        assert self.headers["content-type"] == "application/problem+json"
        told = json.loads(self.body)
        assert told["status"] == self.status
        assert told["instance"] == f"urn:pbgen:request:{self.headers['x-request-id']}"
        for name, value in SECURITY_HEADERS:
            assert self.headers[name.decode()] == value.decode()
        return told


class Connection:
    """A connection of which answers are read one by one; none is awaited for longer than 10 s."""

    def __init__(self, server: Server) -> None:
        address = httpx.URL(server.url)
        self.socket = socket.create_connection((address.host, address.port), timeout=10)
        self._read = self.socket.makefile("rb")

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._read.close()
        self.socket.close()

    def ask(self, *sent: bytes) -> Answer:
        """The answer to what is sent in pieces, as far as it is taken."""
        with suppress(ConnectionError):
            for each in sent:
                self.socket.sendall(each)
                time.sleep(0.05 if len(sent) > 1 else 0)
        return self.answer()

    def answer(self) -> Answer:
        status = int(self._read.readline().split()[1])
        headers = parse_headers(self._read)
        if headers["transfer-encoding"] != "chunked":
            return Answer(status, headers, self._read.read(int(headers["content-length"])))
        body = b""
        while size := int(self._read.readline(), 16):
            body += self._read.read(size)
            self._read.readline()
        self._read.readline()
        return Answer(status, headers, body)

    def is_closed_by_server(self) -> bool:
        try:
            return self._read.read(1) == b""
        except ConnectionError:
            return True

    def is_served(self) -> bool:
        """Whether it takes another request, and its answer is the next."""
        answer = self.ask(LIVEZ)
        return answer.status == 200 and b"alive" in answer.body


def post(path: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    """A POST of JSON."""
    kind, length = b"Content-Type: application/json", b"Content-Length: %d" % len(body)
    lines = (b"POST " + path + b" HTTP/1.1", b"Host: here", kind, length, *headers)
    return b"\r\n".join((*lines, b"", body))
