"""HTTP as uvicorn speaks it, without patience for requests that never begin."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.logs import log


def protocol_within(head_s: float) -> type[HttpToolsProtocol]:
    """uvicorn's protocol, which closes a connection that sends for `head_s` and has no request.

    uvicorn itself waits for ever for the rest of a request's head, and for the first byte after it
    was connected; only between two requests it has a bound, `timeout_keep_alive`.
    """

    class Protocol(HttpToolsProtocol):
        _closing: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait_for_head()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is None or self.cycle.response_complete:
                self._wait_for_head()  # from the first byte: what trickles in gets no more time
            else:
                self._stop_waiting()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def _wait_for_head(self) -> None:
            if self._closing is None and not self.transport.is_closing():
                self._closing = self.loop.call_later(head_s, self._give_up)

        def _stop_waiting(self) -> None:
            if self._closing is not None:
                self._closing.cancel()
                self._closing = None

        def _give_up(self) -> None:
            host = self.client[0] if self.client else "?"
            log.info("%s had no request within %g s, and is disconnected", host, head_s)
            self.transport.close()

    return Protocol
