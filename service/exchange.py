"""One request and its answer: what is known of it from its first byte to its last."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network
from time import perf_counter
from typing import TYPE_CHECKING, cast

from starlette.requests import Request
from starlette.types import Scope

if TYPE_CHECKING:
    from service.tracing import Trace

KEY = "pbgen.exchange"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(slots=True)
class Exchange:
    """The facts that metrics, logs and headers tell of a request."""

    headers: Mapping[bytes, bytes]  # by name in lower case, as ASGI gives them
    request_id: str  # the client's X-Request-ID if it is a short word, else drawn
    client: str  # who asks, for limits and the experiment: "address:…", or "key:…" of its API key
    variant: str = ""  # the one it is for, once known to be served, so that labels stay bounded
    began: float = field(default_factory=perf_counter)
    trace: Trace | None = None  # with PBGEN_TRACING, if it is kept

    @property
    def age_s(self) -> float:
        return perf_counter() - self.began

    @property
    def ids(self) -> dict[str, str]:
        """What leads from a log line or a measurement (as its exemplar) back to the request."""
        traced = {} if self.trace is None else {"trace_id": self.trace.id}
        return {"request_id": self.request_id, **traced}

    @property
    def has_body(self) -> bool:
        """Whether the request announces a body."""
        length = self.headers.get(b"content-length", b"0")
        return length != b"0" or b"transfer-encoding" in self.headers

    def header(self, name: str) -> str:
        """A header of the request, named in lower case; "" if it has none.

        Starlette's Headers take 2 µs to say that there is none, and most of a request's are not.
        """
        return self.headers.get(name.encode(), b"").decode("latin-1")


def open_exchange(scope: Scope) -> Exchange:
    """Begins the exchange of a request; `exchange` finds it from then on."""
    headers = dict(scope["headers"])
    asked = headers.get(b"x-request-id", b"").decode("latin-1")
    request_id = asked if _REQUEST_ID.fullmatch(asked) else f"{random.getrandbits(128):032x}"
    host = scope["client"][0] if scope.get("client") else ""
    opened = scope[KEY] = Exchange(headers, request_id, f"address:{_household(host)}")
    return opened


def _household(host: str) -> str:
    """An address as it counts for limits: of IPv6 the network of 64 bits, which a client has whole
    (RFC 6177), so that it is one client whatever address it takes.
    """
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host)
    except ValueError:  # a proxy's own way of naming its client
        return host
    return str(address.ipv4_mapped or IPv6Network((int(address) >> 64 << 64, 64)))


def exchange(request: Request) -> Exchange:
    """The exchange that this request belongs to."""
    return cast(Exchange, request.scope[KEY])
