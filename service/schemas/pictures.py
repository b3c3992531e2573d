"""Answers of POST /generate with format=json."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from service.schemas.requests import WIDE

AnsweredSeed = Annotated[int, Field(json_schema_extra={**WIDE})]


class EncodedImage(BaseModel):
    """One image of a JSON answer."""

    seed: Annotated[AnsweredSeed | None, Field(description="null: of latents.")]
    png: Annotated[str, Field(description="Base64.")]


class EncodedImages(BaseModel):
    """The images of a request with format=json."""

    images: list[EncodedImage]
