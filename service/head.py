"""HEAD: what GET would answer, without its body (RFC 9110, 9.3.2)."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


def allowed(methods: str) -> str:
    """The methods of an Allow header that the router makes, with HEAD where GET is."""
    told = {method.strip() for method in methods.split(",")}
    return ", ".join(sorted(told | ({"HEAD"} if "GET" in told else set())))


class HeadAsGet:
    """Lets the app see GET for HEAD; the server, which knows better, leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)
