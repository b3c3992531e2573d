"""GET /livez and /readyz, also under the names of the Open Inference Protocol."""

from __future__ import annotations

from fastapi import APIRouter, Request

from service.context import context
from service.errors import Unavailable
from service.openapi import problems
from service.schemas.health import Alive, Ready

router = APIRouter(tags=["operation"])


@router.get("/livez")
@router.get("/v2/health/live", name="v2_livez")
async def livez() -> Alive:
    """Alive: the process answers. Touches nothing."""
    return Alive()


@router.get("/readyz", responses=problems(503))
@router.get("/v2/health/ready", name="v2_readyz", responses=problems(503))
async def readyz(request: Request) -> Ready:
    """Ready: every variant has made an image, and the service is not shutting down."""
    service = context(request)
    if service.pipeline.draining:
        raise Unavailable("This server is shutting down.", retry_after_s=1)
    models = [served.model for served in service.gallery.active.values()]
    return Ready(isa=", ".join(sorted({model.generator.isa for model in models})))
