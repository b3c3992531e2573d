"""HTTP as uvicorn speaks it, with bounds to heads, every error a problem, and a quick no."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import cast

import httptools
from fastapi import FastAPI
from starlette.types import Scope
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from service.errors import HeadersTooLarge, Malformed, Problem, UrlTooLong, respond, shown
from service.exchange import open_exchange
from service.gate import METHOD, ROUTE, Refusal, refusal
from service.logs import log
from service.middleware import NO_ROUTE
from service.security import LARGEST_HEADERS, LONGEST_URL, SECURITY_HEADERS
from service.transport import Joining

LARGEST_HEAD = 65_536  # bytes; above LONGEST_URL and LARGEST_HEADERS, which the app sees to
_PIECE = 16_384  # bytes that are parsed at once: uvloop reads 256,000, too many for a head
_MOST_QUEUED = 4  # requests behind another of their connection, until no more is read of it
_REQUEST = METHOD.encode(), ROUTE.encode()
# What the app's own layers see to: whom a proxy speaks for, other sites' pages, bodies.
_NOT_PLAIN = frozenset((b"x-forwarded-for", b"origin", b"expect", b"transfer-encoding"))


class _Answered:
    """Takes the place of uvicorn's cycle of a request that has its answer."""

    response_complete = True
    message_event = asyncio.Event()


class Protocol(HttpToolsProtocol):
    """uvicorn's, but closes a connection that sends for `_head_s` and has no request, bounds a head
    before it is whole, ignores `Upgrade` (RFC 9110, 7.8), tells of what is not HTTP as the app does
    of errors, and refuses what the gate refuses before it makes a task of it.

    uvicorn itself waits for ever for the rest of a request's head, for the first byte after it was
    connected, and behind the body of what had its answer already; only between two other requests
    it has a bound, `timeout_keep_alive`.
    """

    _served: FastAPI
    _head_s: float
    _closing: asyncio.TimerHandle | None = None
    _running: RequestResponseCycle | None = None  # the last that was begun; `cycle` is of the last
    _in_head = False
    _head_bytes = 0  # in a row that ended no head and were no body: of a head, or of trailers
    _has_ended = False  # a request, within the data in hand

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = Joining(transport, self.loop)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._has_ended = False
        try:
            for start in range(0, len(data), _PIECE):
                self._feed(data[start : start + _PIECE])
        except httptools.HttpParserError as error:
            self._reject(self._why(error))
            return
        except Problem as problem:
            self._reject(problem)
            return
        is_answered = self.cycle is None or self.cycle.response_complete
        if self._has_ended:
            self._stop_waiting()
        if self._in_head:
            if not self.flow.read_paused:  # by us, while an earlier request is answered
                self._wait_for_head()  # from the first byte: what trickles in gets no more time
        elif is_answered and self._has_ended:
            self._keep_alive()
        elif is_answered:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._leave_running()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise Malformed("The method must be one that asks for a path, not CONNECT.")
            return  # `_feed` brings this head once more, without Upgrade
        self._stop_waiting()
        is_crowded = self._served.state.context.pipeline.is_crowded
        refused = self._refusal() if is_crowded and self._is_plain() else None
        if refused is None:
            self._unset_keepalive_if_required()  # of a refusal before it in its packet
            super().on_headers_complete()
            self.headers = []  # trailers are not among the request's
            if 0 < len(self.pipeline) < _MOST_QUEUED:
                self.flow.resume_reading()  # uvicorn stops at one, and then sees nobody leave
        else:
            self._refuse(refused)
        self._in_head = False
        self._head_bytes = 0

    def on_body(self, body: bytes) -> None:
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()
            self._has_ended = True
            self._head_bytes = 0

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _feed(self, data: bytes) -> None:
        """Parses a piece of what was received. Raises HttpParserError, UrlTooLong and
        HeadersTooLarge."""
        self._head_bytes += len(data)
        while data:
            try:
                self.parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:  # it would skip the body
                data = data[upgrade.args[0] :]
                head = self._head_without_upgrade()
                self.parser = httptools.HttpRequestParser(self)  # the old may take it for the last
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn
                self.parser.feed_data(head)
        if self._head_bytes > LARGEST_HEAD:
            raise self._too_large()

    def _head_without_upgrade(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [self.parser.get_method(), b" ", self.url, b" HTTP/", version, b"\r\n"]
        for name, value in self.headers:
            if name != b"upgrade":
                lines += (name, b": ", value, b"\r\n")
        return b"".join((*lines, b"\r\n"))

    def _why(self, error: httptools.HttpParserError) -> Problem:
        """The problem of what cannot be parsed."""
        if isinstance(error.__context__, Problem):  # a callback's
            return error.__context__
        if not self._in_head:
            return Malformed("The body must come in chunks of HTTP/1.1, each after its length.")
        if len(self.url) > LONGEST_URL:
            return self._too_large()
        asked = f" for {shown(self.url.decode('latin-1'))!r}" if self.url else ""
        return Malformed(
            f"The request{asked} must be HTTP/1.1: a line such as GET /livez HTTP/1.1, in ASCII "
            "with anything else as %C3%A9, then lines such as Accept: image/png, and an empty one."
        )

    def _too_large(self) -> Problem:
        if self._in_head and len(self.url) > LONGEST_URL:
            length = len(self.url)
            return UrlTooLong(f"Path and query must be at most {LONGEST_URL} bytes, not {length}.")
        bound, received = LARGEST_HEADERS, self._head_bytes
        return HeadersTooLarge(
            f"The headers must be at most {bound} bytes, not {received} or more."
        )

    def _reject(self, problem: Problem) -> None:
        """Tells a problem of what no request can be made of, and closes; only closes while an
        earlier request's answer is being sent."""
        self._stop_waiting()
        headers = self.scope["headers"] if self.scope else ()
        exchange = open_exchange({"headers": headers, "client": self.client})
        service = self._served.state.context
        service.metrics.requests.labels(NO_ROUTE, "", problem.status).inc()
        service.request_log.add(
            **exchange.ids,
            route=NO_ROUTE,
            status=problem.status,
            variant="",
            client=exchange.client,
        )
        if not self._is_answering():
            answer = respond(problem, exchange.request_id)
            named = (b"x-request-id", exchange.request_id.encode())
            told = (*answer.raw_headers, named, (b"connection", b"close"), *SECURITY_HEADERS)
            self._answer(problem.status, told, bytes(answer.body))
        self._close()

    def _close(self) -> None:
        """Closes the connection, at once if an answer is cut off: its client may not be reading."""
        if self._is_answering():
            self.transport.abort()
        else:
            self.transport.close()
        self._leave_running()

    def _is_answering(self) -> bool:
        running = self._running
        return running is not None and running.response_started and not running.response_complete

    def _leave_running(self) -> None:
        """Tells the running request that its client left. uvicorn tells the last that came, which
        with pipelining is another."""
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()

    def _is_plain(self) -> bool:
        """Whether it is a request that the gate may refuse, and no other is before it."""
        path = self.url.partition(b"?")[0]
        return (
            (self.parser.get_method(), path) == _REQUEST
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and all(
                name not in _NOT_PLAIN and (name != b"content-length" or value == b"0")
                for name, value in self.headers
            )
        )

    def _refusal(self) -> Refusal | None:
        self.scope["query_string"] = self.url.partition(b"?")[2]
        return refusal(self._served.state.context, cast(Scope, self.scope))

    def _refuse(self, refused: Refusal) -> None:
        self._answer(refused.status, refused.headers, refused.body)
        self.cycle = _Answered()  # type: ignore[assignment]
        self.on_response_complete()

    def _answer(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        lines = [STATUS_LINE[status]]
        for name, value in (*self.server_state.default_headers, *headers):
            lines += (name, b": ", value, b"\r\n")
        self.transport.write(b"".join((*lines, b"\r\n", body)))

    def _keep_alive(self) -> None:
        if self.timeout_keep_alive_task is None and not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _wait_for_head(self) -> None:
        if self._closing is None and not self.transport.is_closing():
            self._closing = self.loop.call_later(self._head_s, self._give_up)

    def _stop_waiting(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None

    def _give_up(self) -> None:
        host = self.client[0] if self.client else "?"
        log.info("%s had no request within %g s, and is disconnected", host, self._head_s)
        self._close()


def protocol_for(app: FastAPI, head_s: float) -> type[Protocol]:
    """The protocol of an app, as uvicorn takes it."""
    return type("Protocol", (Protocol,), {"_served": app, "_head_s": head_s})
