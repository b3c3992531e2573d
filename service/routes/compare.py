"""POST /compare: variants side by side."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service import comparison
from service.keys import authorize
from service.openapi import problems
from service.pipeline import pipeline
from service.schemas import CompareQuery, Comparison
from service.subject import consecutive

router = APIRouter()


@router.post(
    "/compare",
    response_model=Comparison,
    responses={
        200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
        **problems(401, 403, 404, 406, 413, 422, 503, 504),
    },
)
async def compare(request: Request, query: Annotated[CompareQuery, Query()]) -> Response:
    """Makes the same seeds' images by two or three variants, and measures each."""
    authorize(request, "generate")
    service = pipeline(request)
    names = [name for name in (query.a, query.b, query.c) if name is not None]
    variants = [await service.gallery.find(name) for name in names]
    seeds = consecutive(query.seed, query.count)
    rows = await comparison.run(request, service, variants, seeds)
    headers = {"X-PBGen-Seed": str(seeds[0])}
    if query.format == "png":
        return Response(comparison.draw(rows), media_type="image/png", headers=headers)
    told = comparison.tell(rows, seeds)
    return Response(told.model_dump_json(), media_type="application/json", headers=headers)
