"""Says no early: under overload most requests are refused, and each should cost little."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from service import errors
from service.admission import identify
from service.context import Context
from service.errors import Problem
from service.exchange import Exchange, open_exchange
from service.logs import RequestLog
from service.metrics import Metrics
from service.schemas.requests import GenerateQuery
from service.security import SECURITY_HEADERS

ROUTE = "/generate"  # the one that load comes to
_VARIANT = re.compile(rb"(?:^|&)variant=([^&]*)")
_ENCODED = re.compile(rb"[%+]")
_UNNAMED = GenerateQuery().variant


class Gate:
    """Refuses what there is no room for before anything else is made of the request.

    It leaves to the route whatever is not plain, and does not look at what else may be wrong with a
    request. There a refusal takes 60 µs of the event loop, here 11. They are counted, but not
    timed, and those of one moment share a line of the log.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, request_log: RequestLog) -> None:
        self._app = app
        self._metrics = metrics
        self._request_log = request_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == ROUTE and scope["method"] == "POST":
            service: Context = scope["app"].state.context
            if service.pipeline.is_crowded:
                exchange = open_exchange(scope)
                if (problem := _judge(service, scope, exchange)) is not None:
                    await self._refuse(problem, exchange, send)
                    return
        await self._app(scope, receive, send)

    async def _refuse(self, problem: Problem, exchange: Exchange, send: Send) -> None:
        body = errors.content(problem, exchange.request_id)
        told = {
            "Content-Type": errors.MEDIA_TYPE,
            "Content-Length": str(len(body)),
            "X-Request-ID": exchange.request_id,
            **(problem.headers or {}),
        }
        headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]
        headers += SECURITY_HEADERS
        await send({"type": "http.response.start", "status": problem.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        self._metrics.requests.labels(ROUTE, exchange.variant, problem.status).inc()
        self._request_log.count(
            route=ROUTE, status=problem.status, variant=exchange.variant, client=exchange.client
        )


def _judge(service: Context, scope: Scope, exchange: Exchange) -> Problem | None:
    """What the request would be refused with for want of room; None if it would not, or if that is
    not for the gate to say."""
    query = scope["query_string"]
    names = _VARIANT.findall(query)
    if len(names) > 1 or _ENCODED.search(query):
        return None
    served = service.gallery.named(names[0].decode("latin-1") if names else _UNNAMED)
    if served is None:
        return None
    try:
        identify(service, exchange, "generate")
    except Problem:
        return None
    exchange.variant = served.model.variant
    return service.pipeline.refusal(served, exchange.client)
