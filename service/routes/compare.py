"""POST /compare: variants side by side."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from service import comparison
from service.admission import admit, charge, find
from service.direct import DirectRoute
from service.errors import OutOfRange, shown
from service.openapi import BINARY, MAY_NEED_KEY, described, header_references, problems
from service.parsing import parse_query, refuse_body
from service.schemas.comparison import Comparison
from service.schemas.requests import CompareQuery
from service.subject import consecutive

router = APIRouter(tags=["images"], route_class=DirectRoute)


@router.post(
    "/compare",
    openapi_extra=MAY_NEED_KEY | described(query=CompareQuery),
    response_model=Comparison,
    responses={
        200: {"content": {"image/png": BINARY}, "headers": header_references("X-PBGen-Seed")},
        **problems(401, 403, 404, 406, 413, 422, 429, 503, 504),
    },
)
async def compare(request: Request) -> Response:
    """Makes the same seeds' images by two or three variants, and measures each."""
    service = admit(request, "generate")
    query = parse_query(request, CompareQuery)
    await refuse_body(request)
    names = [name for name in (query.a, query.b, query.c) if name is not None]
    if len(set(names)) < len(names):
        listed = ", ".join(map(shown, names))
        raise OutOfRange.of("query", "a, b and c", listed, "different variants")
    variants = [await find(request, name) for name in names]
    seeds = consecutive(query.seed, query.count)
    await charge(request, len(variants) * len(seeds), *variants)
    rows = await comparison.run(request, service.pipeline, variants, seeds)
    headers = {"X-PBGen-Seed": str(seeds[0])}
    if query.format == "png":
        picture = await asyncio.to_thread(comparison.draw, rows)
        return Response(picture, media_type="image/png", headers=headers)
    told = await asyncio.to_thread(comparison.tell, rows, seeds)
    return Response(told.model_dump_json(), media_type="application/json", headers=headers)
