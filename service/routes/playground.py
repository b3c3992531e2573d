"""GET /: the playground, and the files that it loads."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from service.answers import page_answer
from service.context import context
from service.errors import Unknown
from service.openapi import CACHING, CONDITION, described, header_references, unchanged
from service.page import CONTENT_SECURITY_POLICY, site

router = APIRouter(tags=["pages"])


@router.get(
    "/",
    openapi_extra=described(header=CONDITION),
    response_class=HTMLResponse,
    responses={
        200: {"description": "The page.", "headers": header_references(*CACHING)},
        **unchanged("page"),
    },
)
async def playground(request: Request) -> Response:
    """The playground: variants side by side, latent directions, morphs, and the blind vote."""
    served = context(request)
    can_ask = served.keys.is_open("generate")  # an image in a page is asked for without a key
    faces = served.gallery.active.items() if can_ask else ()
    page = site().page({variant: each.model.label for variant, each in faces})
    return page_answer(request, page, CONTENT_SECURITY_POLICY)


@router.get("/web/{release}/{name}", include_in_schema=False)
async def file(release: str, name: str) -> Response:
    """A file of the playground, which never changes under its release."""
    found = site().files.get(name) if release == site().release else None
    if found is None:
        raise Unknown("The page that asks for this file is of another release: load it again.")
    caching = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(found.content, headers=caching | {"Content-Type": found.media_type})
