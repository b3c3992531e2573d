"""Answers of POST /generate with format=json."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field


class EncodedImage(BaseModel):
    """One image of a JSON answer."""

    seed: int | None
    png: Annotated[str, Field(description="Base64.")]


class EncodedImages(BaseModel):
    """The images of a request with format=json."""

    images: list[EncodedImage]
