"""GET /models and /models/{name}/{version}: what is stored."""

from __future__ import annotations

from fastapi import APIRouter, Request

from model_store import Entry
from service.context import context
from service.deadline import deadline
from service.direct import DirectRoute
from service.gallery import Gallery
from service.openapi import described, problems
from service.parsing import parse_path
from service.schemas.models import Direction, Layer, ModelDetails, Models, StoredModel
from service.schemas.requests import ModelPath

router = APIRouter(tags=["models"], route_class=DirectRoute)


@router.get("/models", responses=problems(404, 422, 503, 504))
async def models(request: Request) -> Models:
    """Every stored version, whether it is served or not."""
    async with deadline(request):
        survey = await context(request).engine.stored()
    return Models(
        models=[_summary(entry, context(request).gallery) for entry in survey.entries],
        problems=[str(problem) for problem in survey.problems],
    )


@router.get(
    "/models/{name}/{version}",
    openapi_extra=described(path=ModelPath),
    responses=problems(404, 422, 503, 504),
)
async def model(request: Request) -> ModelDetails:
    """All that a stored version says of itself; its digest is checked anew."""
    asked = parse_path(request, ModelPath)
    async with deadline(request):
        artifact = await context(request).engine.artifact(f"{asked.name}@{asked.version}")
    manifest = artifact.manifest
    return ModelDetails(
        model=artifact.label,
        variant=manifest["variant"],
        architecture=manifest["architecture"],
        digest=artifact.digest,
        artifact_bytes=artifact.file_bytes,
        layers=[Layer.of(row) for row in manifest["layers"]],
        swd=manifest["swd"],
        directions=[Direction(**each) for each in manifest["directions"]],
        provenance=dict(manifest["provenance"]),
        export=manifest["export"],
    )


def _summary(entry: Entry, gallery: Gallery) -> StoredModel:
    served = gallery.active.get(entry.name)
    return StoredModel(
        name=entry.name,
        version=entry.version,
        aliases=list(entry.aliases),
        served=served is not None and served.model.label == entry.label,
    )
