"""What is asked: single faces as PNG, of seeds that no cache has seen, and probes beside them."""

from __future__ import annotations

import random

from benchmarks.serving.client import Flow

PNG = b"\x89PNG\r\n\x1a\n"
HEAD = b"Host: localhost\r\nContent-Length: %d\r\n"
PBGEN = b"POST /generate?variant=partial&seed=%d HTTP/1.1\r\n" + HEAD % 0 + b"\r\n"
LITSERVE = (
    b"POST /predict HTTP/1.1\r\nContent-Type: application/json\r\n"
    + HEAD % len('{"seed": 1234567890123456}')
    + b'\r\n{"seed": %d}'
)


def faces(connections: int, rate: float | None = None, template: bytes = PBGEN) -> Flow:
    """Faces by a server that is asked like this."""

    def request() -> bytes:
        return template % random.randrange(10**15, 9 * 10**15)  # all of 16 digits

    return Flow(request, connections, rate, PNG)


def probe(target: str, rate: float) -> Flow:
    """GETs at a slow pace, on a connection of their own."""
    whole = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    return Flow(lambda: whole, connections=1, rate=rate)
