"""Routes whose endpoint gets the request as it is, past FastAPI's resolution of parameters, and
past its router where a path has none.

FastAPI's own way comes before the route, and so before the key is looked at, and takes much of a
request's time on the event loop: of one for a face 80 µs for parameters, and most of another 68 for
the router, with stacks and layers that these routes have no use of.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send


class DirectRoute(APIRoute):
    """A route whose endpoint gets the request, with nothing resolved for it, and gives the response
    or the model that is its JSON.

    For the document it is as any other, `openapi.described` being its parameters and body.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            answer: Response | BaseModel = await endpoint(request)
            if isinstance(answer, Response):
                return answer
            return Response(answer.model_dump_json(), media_type="application/json")

        return handle


class Shortcut:
    """Takes what a direct route's method and path name to its endpoint, and the rest to the app.

    What an endpoint raises is left to the layers around.
    """

    def __init__(self, app: ASGIApp, routers: Iterable[APIRouter]) -> None:
        self._app = app
        self._routes = {
            (method, route.path): (route, route.get_route_handler())
            for router in routers
            for route in router.routes
            if isinstance(route, DirectRoute) and not route.param_convertors
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        named = scope["type"] == "http" and self._routes.get((scope["method"], scope["path"]))
        if not named:
            await self._app(scope, receive, send)
            return
        scope["route"], handle = named
        response = await handle(Request(scope, receive, send))
        await response(scope, receive, send)
