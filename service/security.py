"""What a request may cost before anyone looks at it, and what browsers may do with answers."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import (
    ClientLeft,
    DeadlineExceeded,
    HeadersTooLarge,
    Problem,
    TooLarge,
    UrlTooLong,
    shown,
)
from service.exchange import KEY

LONGEST_URL = 4096  # bytes of path and query
LARGEST_HEADERS = 16_384  # bytes of names and values
SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]


class SecurityHeaders:
    """Adds SECURITY_HEADERS to every answer that lacks them; `shared`: other sites' pages may show
    what they get."""

    def __init__(self, app: ASGIApp, shared: bool) -> None:
        self._app = app
        self._headers = [
            (name, b"cross-origin" if shared and name == b"cross-origin-resource-policy" else value)
            for name, value in SECURITY_HEADERS
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                added = [header for header in self._headers if header[0] not in given]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self._app(scope, receive, secured)


class Limits:
    """Bounds URL, headers and body.

    A body is refused by its announced length at once, or as soon as it passes the bound, by raising
    TooLarge to whoever reads it; DeadlineExceeded if it is not there in time.
    """

    def __init__(self, app: ASGIApp, body_bytes: int, deadline_s: float) -> None:
        self._app = app
        self._body_bytes = body_bytes
        self._deadline_s = deadline_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._check(scope)
        if not scope[KEY].has_body:
            await self._app(scope, receive, send)
            return
        received, ended = 0, False

        async def counted() -> Message:
            nonlocal received, ended
            if ended:
                return await receive()  # when the client leaves
            try:
                async with asyncio.timeout(self._deadline_s - scope[KEY].age_s):
                    message = await receive()
            except TimeoutError:
                raise self._too_slow() from None
            if message["type"] == "http.disconnect":
                raise ClientLeft("It left before its body was there.")
            ended = not message.get("more_body", False)
            received += len(message.get("body", b""))
            if received > self._body_bytes:
                raise self._too_large(f"{received} or more")
            return message

        await self._app(scope, counted, send)

    def _check(self, scope: Scope) -> None:
        url = len(scope["raw_path"]) + len(scope["query_string"])
        if url > LONGEST_URL:
            raise UrlTooLong(f"Path and query must be at most {LONGEST_URL} bytes, not {url}.")
        headers = sum(len(name) + len(value) for name, value in scope["headers"])
        if headers > LARGEST_HEADERS:
            raise HeadersTooLarge(
                f"The headers must be at most {LARGEST_HEADERS} bytes, not {headers}."
            )
        length, bound = scope[KEY].header("content-length").lstrip("0"), str(self._body_bytes)
        if length.isdecimal() and (len(length), length) > (len(bound), bound):
            raise self._too_large(shown(length))

    def _too_slow(self) -> Problem:
        detail = f"The body must be there {self._deadline_s:g} s after the request began."
        # What is left of it must not be taken for another request.
        return DeadlineExceeded(detail, headers={"Connection": "close"})

    def _too_large(self, told: str) -> Problem:
        return TooLarge(f"The body must be at most {self._body_bytes} bytes, not {told}.")
