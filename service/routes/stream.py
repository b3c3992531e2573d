"""POST /generate/stream: as many images as wanted, as a tar."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from service.admission import admit, charge, choose
from service.answers import origin_headers
from service.errors import TooLarge
from service.exchange import exchange
from service.images import FORMATS
from service.openapi import BINARY, MAY_NEED_KEY, ORIGIN, header_references, problems
from service.parsing import named_once
from service.schemas.requests import StreamQuery
from service.subject import Subject, consecutive
from service.tarstream import tar_stream

router = APIRouter()

MEDIA_TYPE = "application/x-tar"


@router.post(
    "/generate/stream",
    openapi_extra=MAY_NEED_KEY,
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "A tar of images 00000000.png, 00000001.png, …; manifest.json is last.",
            "content": {MEDIA_TYPE: BINARY},
            "headers": header_references(*ORIGIN),
        },
        **problems(401, 403, 404, 406, 413, 422, 429, 503, 504),
    },
)
async def stream(request: Request, query: Annotated[StreamQuery, Query()]) -> StreamingResponse:
    """Streams images of consecutive seeds at the client's pace."""
    service = admit(request, "generate")
    named_once(request)
    served = await choose(request, query.variant)
    limit = service.settings.stream_limit
    if query.count > limit:
        raise TooLarge(f"count must be at most {limit} here, not {query.count}.")
    seeds = consecutive(query.seed, query.count)
    await charge(request, len(seeds))
    return StreamingResponse(
        tar_stream(
            service.pipeline, exchange(request).client, served, seeds, FORMATS[query.format]
        ),
        media_type=MEDIA_TYPE,
        headers=origin_headers(served.model, Subject(seeds)),
    )
