"""HTTP as uvicorn speaks it, with no patience for requests that never begin, and a quick no."""

from __future__ import annotations

import asyncio
from typing import cast

from fastapi import FastAPI
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service.gate import METHOD, ROUTE, Refusal, refusal
from service.logs import log
from service.transport import Joining

_REQUEST = METHOD.encode(), ROUTE.encode()
# What the app's own layers see to: whom a proxy speaks for, other sites' pages, bodies.
_NOT_PLAIN = frozenset((b"x-forwarded-for", b"origin", b"expect", b"transfer-encoding"))


class _Answered:
    """Takes the place of uvicorn's cycle of a request that has its answer."""

    response_complete = True
    message_event = asyncio.Event()


class Protocol(HttpToolsProtocol):
    """uvicorn's, but closes a connection that sends for `_head_s` and has no request, and refuses
    what the gate refuses before it makes a task of it.

    uvicorn itself waits for ever for the rest of a request's head, for the first byte after it was
    connected, and behind the body of what had its answer already; only between two other requests
    it has a bound, `timeout_keep_alive`.
    """

    _served: FastAPI
    _head_s: float
    _closing: asyncio.TimerHandle | None = None
    _has_ended = False  # a request, within the data in hand

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = Joining(transport, self.loop)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        self._has_ended = False
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._has_ended:
            self._stop_waiting()
            self._keep_alive()
        else:
            self._wait_for_head()  # from the first byte: what trickles in gets no more time

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        is_crowded = self._served.state.context.pipeline.is_crowded
        refused = self._refusal() if is_crowded and self._is_plain() else None
        if refused is None:
            self._unset_keepalive_if_required()  # of a refusal before it in its packet
            super().on_headers_complete()
        else:
            self._refuse(refused)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._has_ended = True

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
        lines = [STATUS_LINE[refused.status]]
        for name, value in (*self.server_state.default_headers, *refused.headers):
            lines += (name, b": ", value, b"\r\n")
        self.transport.write(b"".join((*lines, b"\r\n", refused.body)))
        self.cycle = _Answered()  # type: ignore[assignment]
        self.on_response_complete()

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
        self.transport.close()


def protocol_for(app: FastAPI, head_s: float) -> type[Protocol]:
    """The protocol of an app, as uvicorn takes it."""
    return type("Protocol", (Protocol,), {"_served": app, "_head_s": head_s})
