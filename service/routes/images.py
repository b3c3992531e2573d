"""GET /images/{variant}/{seed}.png: one image as a resource that caches may keep."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from kernels.latents import LARGEST_SEED
from service.admission import AUTO, admit, charge, choose
from service.answers import origin_headers
from service.engine import Model
from service.images import FORMATS
from service.openapi import BINARY, CACHING, MAY_NEED_KEY, ORIGIN, header_references, problems
from service.subject import Subject, consecutive

router = APIRouter()

PNG = FORMATS["png"]
# A version never changes; what a variant's name means may, so that is asked again after a minute.
EXACT = "max-age=31536000, immutable"
NAMED = "max-age=60"
PATH_VARIANT = "A served variant, auto, or a stored version such as partial@2."
_TAG = re.compile(r'"[^"]*"')
CONDITION = {
    "name": "If-None-Match",
    "in": "header",
    "description": "ETags of images that the client has; if this is one of them: 304.",
    "schema": {"type": "string"},
}


@router.get(
    "/images/{variant}/{seed}.png",
    openapi_extra=MAY_NEED_KEY | {"parameters": [CONDITION]},
    response_class=Response,
    responses={
        200: {
            "description": "The image.",
            "content": {PNG.media_type: BINARY},
            "headers": header_references(*ORIGIN, "Server-Timing", *CACHING),
        },
        304: {
            "description": "The image is still the one with the ETag of If-None-Match.",
            "headers": header_references(*CACHING),
        },
        **problems(401, 403, 404, 422, 429, 503, 504),
    },
)
async def image(
    request: Request,
    variant: Annotated[str, Path(max_length=80, description=PATH_VARIANT)],
    seed: Annotated[int, Path(ge=0, le=LARGEST_SEED, description="Decides the latent vector.")],
) -> Response:
    """The image that POST /generate makes of a seed, with a strong ETag."""
    service = admit(request, "generate")
    served = await choose(request, variant)
    tag = etag(served.model, seed)
    age = EXACT if variant == served.model.label else NAMED
    # What a key opens, or what differs by client, is not for a cache that others share.
    shared = variant != AUTO and service.keys.is_open("generate")
    audience = "public" if shared else "private"
    caching = {"ETag": tag, "Cache-Control": f"{audience}, {age}"}
    if matches(request.headers.getlist("if-none-match"), tag):
        return Response(status_code=304, headers=caching)
    wanted = Subject(consecutive(seed, 1))
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


def matches(if_none_match: list[str], tag: str) -> bool:
    """Whether lines of If-None-Match name the tag (RFC 9110, 13.1.2: weakly, or any by *)."""
    told = ", ".join(if_none_match).strip()
    return told == "*" or tag in _TAG.findall(told)
