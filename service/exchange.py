"""One request and its answer: what is known of it from its first byte to its last."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, cast

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

if TYPE_CHECKING:
    from service.tracing import Trace

KEY = "pbgen.exchange"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(slots=True)
class Exchange:
    """The facts that metrics, logs and headers tell of a request."""

    request_id: str  # the client's X-Request-ID if it is a short word, else drawn
    client: str  # who asks, for limits and the experiment: "address:…", or "key:…" of its API key
    variant: str = ""  # set once it is known to be a served one, so that labels stay bounded
    began: float = field(default_factory=perf_counter)
    trace: Trace | None = None  # with PBGEN_TRACING, if it is kept

    @property
    def ids(self) -> dict[str, str]:
        """What leads from a log line or a measurement (as its exemplar) back to the request."""
        traced = {} if self.trace is None else {"trace_id": self.trace.id}
        return {"request_id": self.request_id, **traced}


def open_exchange(scope: Scope) -> Exchange:
    """Begins the exchange of a request; `exchange` finds it from then on."""
    asked = Headers(scope=scope).get("x-request-id", "")
    request_id = asked if _REQUEST_ID.fullmatch(asked) else uuid.uuid4().hex
    host = scope["client"][0] if scope.get("client") else ""
    scope[KEY] = Exchange(request_id, f"address:{host}")
    return cast(Exchange, scope[KEY])


def exchange(request: Request) -> Exchange:
    """The exchange that this request belongs to."""
    return cast(Exchange, request.scope[KEY])
