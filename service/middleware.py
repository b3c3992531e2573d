"""Around every request: its id, its metrics, and an answer whatever happens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import ClientLeft, Internal, Problem, Unavailable, of_exception, respond
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
        code, ended = 0, False

        async def named(message: Message) -> None:
            nonlocal code, ended
            if message["type"] == "http.response.start":
                code = message["status"]
                named_by = (b"x-request-id", exchange.request_id.encode())
                message["headers"] = [*message["headers"], named_by]
                if exchange.trace is not None:
                    exchange.trace.name_variant(exchange.variant)
            await send(message)
            ended = message["type"] == "http.response.body" and not message.get("more_body")

        try:
            await self._app(scope, receive, named)
            if not ended:  # only a stream comes in parts, and stops between them for this alone
                code = ClientLeft.status
                self._metrics.rejected.labels("client_left").inc()
        except asyncio.CancelledError:  # by the server, which is told to stop and waits no longer
            code = Unavailable.status
            raise
        except Exception as error:
            if code:  # the answer had begun: the server cuts it off, and the client sees that
                code = Internal.status
                raise
            await respond(self._problem(error, exchange.request_id), exchange.request_id)(
                scope, receive, named
            )
        finally:
            self._tell(scope["method"], _route(scope), code, exchange)

    def _tell(self, method: str, route: str, code: int, exchange: Exchange) -> None:
        duration_s = exchange.age_s
        ids = exchange.ids
        self._metrics.requests.labels(route, exchange.variant, code).inc()
        timed = exchange.variant if code < 400 else ""  # a quick refusal is no quick face
        self._metrics.request_duration.labels(route, timed).observe(duration_s, ids)
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
        problem = of_exception(error)
        if isinstance(problem, Internal):
            log.error("request %s failed", request_id, exc_info=error)
        return problem


def _route(scope: Scope) -> str:
    """The path that a request's route was declared with, so that as a label it stays bounded."""
    if (route := scope.get("route")) is not None:
        return str(route.path)
    document: str = scope["app"].openapi_url  # FastAPI's own, which tells no route
    return document if scope["path"] == document else NO_ROUTE
