"""Around every request: its id, its metrics, and an answer whatever happens."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import Internal, Problem, respond
from service.exchange import Exchange, open_exchange
from service.logs import RequestLog, log
from service.metrics import Metrics

if TYPE_CHECKING:
    from service.tracing import Tracing

NO_ROUTE = "none"


class Telemetry:
    """Counts, times, names (X-Request-ID), logs and traces requests; a failure becomes a 500."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, request_log: RequestLog, tracing: Tracing | None
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._request_log = request_log
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = open_exchange(scope)
        if self._tracing is not None:
            exchange.trace = self._tracing.open(exchange.request_id)
        code = 0

        async def named(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
                named_by = (b"x-request-id", exchange.request_id.encode())
                message["headers"] = [*message["headers"], named_by]
                if exchange.trace is not None:
                    exchange.trace.name_variant(exchange.variant)
            await send(message)

        try:
            await self._app(scope, receive, named)
        except Exception as error:
            if code:  # the answer had begun: the server cuts it off, and the client sees that
                raise
            await respond(self._problem(error, exchange.request_id), exchange.request_id)(
                scope, receive, named
            )
        finally:
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            self._tell(scope["method"], route, code, exchange)

    def _tell(self, method: str, route: str, code: int, exchange: Exchange) -> None:
        duration_s = perf_counter() - exchange.began
        ids = exchange.ids
        self._metrics.requests.labels(route, exchange.variant, code).inc()
        self._metrics.request_duration.labels(route, exchange.variant).observe(duration_s, ids)
        self._request_log.add(
            **ids,
            method=method,
            route=route,
            status=code,
            duration_ms=round(duration_s * 1e3, 3),
            variant=exchange.variant,
            client=exchange.client,
        )

    @staticmethod
    def _problem(error: Exception, request_id: str) -> Problem:
        if isinstance(error, Problem):
            return error
        log.error("request %s failed", request_id, exc_info=error)
        return Internal("The service failed; its log tells more under this request's id.")
