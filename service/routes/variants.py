"""GET /variants: what is served."""

from __future__ import annotations

from fastapi import APIRouter, Request

from service.engine import Model
from service.pipeline import pipeline
from service.schemas import Layer, Variant, Variants

router = APIRouter()


@router.get("/variants")
async def variants(request: Request) -> Variants:
    """Every variant: its model, layers with their precision, bytes, and distance to real faces."""
    return Variants(variants=[describe(m) for m in pipeline(request).engine.active.values()])


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
        resident_bytes=model.generator.resident_bytes,
        swd=model.manifest["swd"],
        layers=[
            Layer(
                c_in=row["c_in"],
                c_out=row["c_out"],
                kernel=row["kernel"],
                stride=row["stride"],
                size_in=row["size_in"],
                precision=row["precision"],
                redundancy=row["redundancy"]["ratio"],
            )
            for row in model.manifest["layers"]
        ],
    )
