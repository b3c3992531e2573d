"""POST /generate/stream: as many images as wanted, as a tar."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from service.admission import admit, charge, choose
from service.answers import origin_headers
from service.direct import DirectRoute
from service.errors import TooLarge
from service.images import FORMATS
from service.openapi import BINARY, MAY_NEED_KEY, ORIGIN, described, header_references, problems
from service.parsing import parse_query, refuse_body
from service.schemas.requests import StreamQuery
from service.subject import Subject, consecutive
from service.tarstream import CHUNK, tar_stream

router = APIRouter(tags=["images"], route_class=DirectRoute)

MEDIA_TYPE = "application/x-tar"


@router.post(
    "/generate/stream",
    openapi_extra=MAY_NEED_KEY | described(query=StreamQuery),
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "A tar of images 00000000.png, 00000001.png, … (.jpeg, .webp; .npy: u8 "
            "[S, S, 3]), and last manifest.json: "
            "an object of `model`, `digest`, `seed` (the first image's), `count` and `format`. "
            "Without it a tar is incomplete.",
            "content": {MEDIA_TYPE: BINARY},
            "headers": header_references(*ORIGIN),
        },
        **problems(401, 403, 404, 406, 413, 422, 429, 503, 504),
    },
)
async def stream(request: Request) -> StreamingResponse:
    """Streams images of consecutive seeds at the client's pace."""
    service = admit(request, "generate")
    query = parse_query(request, StreamQuery)
    await refuse_body(request)
    served = await choose(request, query.variant)
    limit = service.settings.stream_limit
    if query.count > limit:
        raise TooLarge.of("query", "count", query.count, f"at most {limit} here")
    seeds = consecutive(query.seed, query.count)
    await charge(request, len(seeds[:CHUNK]))  # the rest is charged as it is made
    return StreamingResponse(
        tar_stream(request, served, seeds, FORMATS[query.format]),
        media_type=MEDIA_TYPE,
        headers=origin_headers(served.model, Subject(seeds)),
    )
