"""GET /docs: the interface for people. (GET /openapi.json is FastAPI's own.)"""

from __future__ import annotations

from functools import lru_cache

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from service import reference
from service.answers import page_answer
from service.openapi import CACHING, CONDITION, described, header_references, unchanged

router = APIRouter(tags=["pages"])


@router.get(
    "/docs",
    openapi_extra=described(header=CONDITION),
    response_class=HTMLResponse,
    responses={
        200: {"description": "The page.", "headers": header_references(*CACHING)},
        **unchanged("page"),
    },
)
async def docs(request: Request) -> Response:
    """What the service can do: every call, its parameters, bounds and answers."""
    return page_answer(request, _page(request.app), reference.CONTENT_SECURITY_POLICY)


@lru_cache(maxsize=1)  # a process serves one app, whose document never changes
def _page(app: FastAPI) -> bytes:
    return reference.page(app.openapi()).encode()
