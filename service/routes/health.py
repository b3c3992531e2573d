"""GET /livez and /readyz, also under the names of the Open Inference Protocol."""

from __future__ import annotations

from fastapi import APIRouter, Request

from service.errors import Unavailable
from service.openapi import problems
from service.pipeline import pipeline
from service.schemas import Health

router = APIRouter()


@router.get("/livez")
@router.get("/v2/health/live")
async def livez() -> Health:
    """Alive: the process answers. Touches nothing."""
    return Health(status="alive")


@router.get("/readyz", responses=problems(503))
@router.get("/v2/health/ready", responses=problems(503))
async def readyz(request: Request) -> Health:
    """Ready: every variant has made an image, and the service is not shutting down."""
    if pipeline(request).draining:
        raise Unavailable("This server is shutting down.", retry_after_s=1)
    return Health(status="ready")
