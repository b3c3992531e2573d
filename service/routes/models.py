"""GET /models and /models/{name}/{version}: what is stored."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request

from model_store import Entry
from service.context import context
from service.deadline import deadline
from service.gallery import Gallery
from service.openapi import problems
from service.routes.variants import layers
from service.schemas.models import Direction, ModelDetails, Models, StoredModel

router = APIRouter()


@router.get("/models", responses=problems(404, 422, 504))
async def models(request: Request) -> Models:
    """Every stored version, whether it is served or not."""
    async with deadline(request):
        entries = await context(request).engine.stored()
    return Models(models=[_summary(entry, context(request).gallery) for entry in entries])


@router.get("/models/{name}/{version}", responses=problems(404, 422, 504))
async def model(
    request: Request,
    name: Annotated[str, Path(max_length=80, description="As in the store: `partial`.")],
    version: Annotated[int, Path(ge=1, le=10**9 - 1)],
) -> ModelDetails:
    """All that a stored version says of itself; its digest is checked anew."""
    async with deadline(request):
        artifact = await context(request).engine.artifact(f"{name}@{version}")
    manifest = artifact.manifest
    return ModelDetails(
        model=artifact.label,
        variant=manifest["variant"],
        architecture=manifest["architecture"],
        digest=artifact.digest,
        artifact_bytes=artifact.file_bytes,
        layers=layers(manifest),
        swd=manifest["swd"],
        directions=[Direction(**each) for each in manifest.get("directions", [])],
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
