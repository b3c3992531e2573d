"""GET /docs: the interface for people. (GET /openapi.json is FastAPI's own.)"""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse

from service import reference

router = APIRouter()


@router.get("/docs", response_class=HTMLResponse, response_description="The page.")
async def docs(request: Request) -> HTMLResponse:
    """What the service can do: every call, its parameters, bounds and answers."""
    app: FastAPI = request.app
    headers = {"Content-Security-Policy": reference.CONTENT_SECURITY_POLICY}
    return HTMLResponse(reference.page(app.openapi()), headers=headers)
