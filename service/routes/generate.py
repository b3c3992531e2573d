"""POST /generate: images of a seed, of latents, or on the way from one seed to another."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from service.admission import admit, charge, choose
from service.answers import image_answer
from service.direct import DirectRoute
from service.images import FORMATS
from service.openapi import (
    MAY_NEED_KEY,
    ORIGIN,
    described,
    header_references,
    image_content,
    problems,
)
from service.parsing import parse_optional_body, parse_query
from service.schemas.requests import GenerateBody, GenerateQuery
from service.subject import subject

router = APIRouter(tags=["images"], route_class=DirectRoute)


@router.post(
    "/generate",
    openapi_extra=MAY_NEED_KEY
    | described(query=GenerateQuery, body=GenerateBody, body_required=False),
    response_class=Response,
    responses={
        200: {
            "description": "The image, or several: in an image format as a grid (see count).",
            "content": image_content(),
            "headers": header_references(*ORIGIN, "Server-Timing"),
        },
        **problems(400, 401, 403, 404, 406, 413, 415, 422, 429, 503, 504),
    },
)
async def generate(request: Request) -> Response:
    """Makes images. Equal seeds give equal images, alone or among others, before and after."""
    service = admit(request, "generate")
    query = parse_query(request, GenerateQuery)
    body = await parse_optional_body(request, GenerateBody)
    served = await choose(request, query.variant)
    wanted = subject(query, body, served.model.generator.latent_dim)
    picture_format = FORMATS[query.format]
    await charge(request, len(wanted.inputs), served)
    done = await service.pipeline.run(request, served, wanted, picture_format)
    return image_answer(served.model, wanted, picture_format, done)
