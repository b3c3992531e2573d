"""Answers about the service itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """Images can be asked for."""

    status: Literal["ready"] = "ready"
    isa: Annotated[
        str,
        Field(description="What the kernels run on; `numpy` means that they were not built."),
    ]
