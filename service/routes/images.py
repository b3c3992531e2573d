"""GET /images/{variant}/{seed}.png: one image as a resource that caches may keep."""

from __future__ import annotations

import hashlib

from fastapi import APIRouter, Request, Response

from service.admission import AUTO, admit, charge, choose
from service.answers import not_modified, origin_headers
from service.direct import DirectRoute
from service.engine import Model
from service.images import FORMATS
from service.openapi import (
    BINARY,
    CACHING,
    CONDITION,
    MAY_NEED_KEY,
    ORIGIN,
    described,
    header_references,
    problems,
    unchanged,
)
from service.parsing import parse_path
from service.schemas.requests import ImagePath
from service.subject import Subject, consecutive

router = APIRouter(tags=["images"], route_class=DirectRoute)

PNG = FORMATS["png"]
# A version never changes; what a variant's name means may, so that is asked again after a minute.
EXACT = "max-age=31536000, immutable"
NAMED = "max-age=60"


@router.get(
    "/images/{variant}/{seed}.png",
    openapi_extra=MAY_NEED_KEY | described(path=ImagePath, header=CONDITION),
    response_class=Response,
    responses={
        200: {
            "description": "The image.",
            "content": {PNG.media_type: BINARY},
            "headers": header_references(*ORIGIN, "Server-Timing", *CACHING),
        },
        **unchanged("image"),
        **problems(401, 403, 404, 422, 429, 503, 504),
    },
)
async def image(request: Request) -> Response:
    """The image that POST /generate makes of a seed, with a strong ETag."""
    service = admit(request, "generate")
    asked = parse_path(request, ImagePath)
    served = await choose(request, asked.variant)
    tag = etag(served.model, asked.seed)
    age = EXACT if asked.variant == served.model.label else NAMED
    # What a key opens, or what differs by client, is not for a cache that others share.
    shared = asked.variant != AUTO and service.keys.is_open("generate")
    audience = "public" if shared else "private"
    caching = {"ETag": tag, "Cache-Control": f"{audience}, {age}"}
    if (known := not_modified(request, caching)) is not None:
        return known
    wanted = Subject(consecutive(asked.seed, 1))
    headers = {**origin_headers(served.model, wanted), **caching}
    kept = await service.state.cached(tag)
    service.metrics.cache_requests.labels("miss" if kept is None else "hit").inc()
    if kept is None:
        await charge(request, 1, served)
        done = await service.pipeline.run(request, served, wanted, PNG)
        kept = done.value
        headers["Server-Timing"] = done.server_timing()
        await service.state.cache(tag, kept)
    return Response(kept, media_type=PNG.media_type, headers=headers)


def etag(model: Model, seed: int) -> str:
    """A strong entity tag: the artifact and the seed decide every byte."""
    return f'"{hashlib.sha256(f"{model.digest} {seed} png".encode()).hexdigest()[:32]}"'
