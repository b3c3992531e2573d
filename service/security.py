"""What a request may cost before anyone looks at it: the bound of its body."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import Problem, TooLarge


class BodyLimit:
    """Refuses bodies beyond a bound: by their announced length at once, or as soon as they pass it.

    Raises TooLarge to whoever reads the body.
    """

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length) > self._limit_bytes:
            raise self._too_large(f"{length} bytes")
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit_bytes:
                raise self._too_large("more")
            return message

        await self._app(scope, counted, send)

    def _too_large(self, told: str) -> Problem:
        return TooLarge(f"The body must be at most {self._limit_bytes} bytes, not {told}.")
