"""GET /variants: what is served. PUT /variants/{variant}: serve another version."""

from __future__ import annotations

from fastapi import APIRouter, Request

from service.admission import admit
from service.context import context
from service.deadline import deadline
from service.direct import DirectRoute
from service.engine import Model
from service.exchange import exchange
from service.openapi import NEEDS_KEY, described, problems
from service.parsing import parse_body, parse_path, parse_query
from service.schemas.models import Layer, Variant, Variants
from service.schemas.requests import NoQuery, Swap, VariantPath

router = APIRouter(tags=["models"], route_class=DirectRoute)


@router.get("/variants")
async def variants(request: Request) -> Variants:
    """Every variant: its model, layers with their precision, bytes, and distance to real faces."""
    served = context(request).gallery.active.values()
    return Variants(variants=[describe(each.model) for each in served])


@router.put(
    "/variants/{variant}",
    openapi_extra=NEEDS_KEY | described(path=VariantPath, body=Swap),
    responses=problems(400, 401, 403, 404, 413, 415, 422, 503, 504),
)
async def swap(request: Request) -> Variant:
    """Serves another stored version from now on. Work in hand ends on the old one, and a version
    that cannot be used leaves it serving."""
    service = admit(request, "admin")
    variant = parse_path(request, VariantPath).variant
    parse_query(request, NoQuery)
    wanted = await parse_body(request, Swap)
    async with deadline(request):
        model = await service.gallery.version(variant, wanted.model)
    answer = describe(model)  # what cannot be told is not served
    served = await service.versions.activate(model)
    exchange(request).variant = served.model.variant
    return answer


def describe(model: Model) -> Variant:
    """A model as the interface tells it."""
    return Variant(
        variant=model.variant,
        model=model.label,
        digest=model.digest,
        isa=model.generator.isa,
        image_size=model.generator.image_size,
        latent_dim=model.generator.latent_dim,
        artifact_bytes=model.artifact_bytes,
        resident_bytes=model.resident_bytes,
        swd=model.manifest["swd"],
        layers=[Layer.of(row) for row in model.manifest["layers"]],
    )
