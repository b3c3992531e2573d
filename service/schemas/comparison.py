"""Answers of POST /compare."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from service.schemas.pictures import AnsweredSeed


class ComparedImage(BaseModel):
    """A seed's image by one variant."""

    seed: AnsweredSeed
    png: Annotated[str, Field(description="Base64.")]


class Timing(BaseModel):
    """Milliseconds of one image, as the median over the compared ones."""

    queue: float
    generate: float
    encode: float


class Compared(BaseModel):
    """One variant of a comparison."""

    variant: str
    model: str
    digest: str
    timing_ms: Timing
    resident_bytes: int
    artifact_bytes: int
    swd: Annotated[float | None, Field(description="Mean over the levels; lower is better.")]
    images: list[ComparedImage]


class Ratios(BaseModel):
    """How many times the first variant needs what another needs."""

    variant: str
    generate: float
    resident_bytes: float
    artifact_bytes: float


class Likeness(BaseModel):
    """How near the images of two variants are that learned from one teacher, a value a seed."""

    variants: tuple[str, str]
    psnr_db: Annotated[list[float | None], Field(description="null: equal images.")]
    ssim: list[float]


class Comparison(BaseModel):
    """The same latents through two or three variants."""

    variants: list[Compared]
    ratios: Annotated[list[Ratios], Field(description="The first variant's over each other's.")]
    likeness: Annotated[
        list[Likeness], Field(description="Of the pairs that learned from one teacher.")
    ]
