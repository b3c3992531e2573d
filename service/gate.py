"""Says no early: under overload most requests are refused, and each should cost little."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from service import errors
from service.admission import identify
from service.context import Context
from service.errors import Problem, Unavailable
from service.exchange import Exchange, open_exchange
from service.schemas.requests import GenerateQuery
from service.security import SECURITY_HEADERS

METHOD, ROUTE = "POST", "/generate"  # the one that load comes to
_VARIANT = re.compile(rb"(?:^|&)variant=([^&]*)")
_ENCODED = re.compile(rb"[%+]")
_UNNAMED = GenerateQuery().variant
_MEDIA_TYPE = errors.MEDIA_TYPE.encode()
_MARK = "0" * 32  # in the place of a request's id


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that says no."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Gate:
    """Gives refusals for answers, to what comes through a proxy or from another server than ours.

    Ours (`service.protocol`) asks for them itself, before it makes anything of a request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == ROUTE and scope["method"] == METHOD:
            refused = refusal(scope["app"].state.context, scope)
            if refused is not None:
                start = {"status": refused.status, "headers": refused.headers}
                await send({"type": "http.response.start", **start})
                await send({"type": "http.response.body", "body": refused.body})
                return
        await self._app(scope, receive, send)


def refusal(service: Context, scope: Scope) -> Refusal | None:
    """What a request of ROUTE is refused with for want of room; None if it is not, or if that is
    not for the gate to say.

    It leaves to the route whatever is not plain, and does not look at what else may be wrong with a
    request. There a refusal takes 60 µs of the event loop, here a tenth. They are counted, but not
    timed, and those of one moment share a line of the log.
    """
    if not service.pipeline.is_crowded:
        return None
    exchange = open_exchange(scope)
    problem = _judge(service, scope, exchange)
    if problem is None:
        return None
    service.metrics.requests.labels(ROUTE, exchange.variant, problem.status).inc()
    service.request_log.count(
        route=ROUTE, status=problem.status, variant=exchange.variant, client=exchange.client
    )
    request_id = exchange.request_id.encode()
    body = request_id.join(_around_id(problem.detail))
    headers = [
        (b"content-type", _MEDIA_TYPE),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id),
        *(
            (name.lower().encode(), value.encode())
            for name, value in (problem.headers or {}).items()
        ),
        *SECURITY_HEADERS,
    ]
    return Refusal(problem.status, headers, body)


@lru_cache(4096)
def _around_id(detail: str) -> list[bytes]:
    """What the body of a refusal is before and behind the request's id."""
    marked = errors.content(Unavailable(detail, retry_after_s=1), _MARK)
    return marked.split(_MARK.encode())


def _judge(service: Context, scope: Scope, exchange: Exchange) -> Unavailable | None:
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
