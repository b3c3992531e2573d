"""Answers about the service itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

ALWAYS_SENT = ConfigDict(json_schema_serialization_defaults_required=True)


class Alive(BaseModel):
    """The process answers."""

    model_config = ALWAYS_SENT

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """Images can be asked for."""

    model_config = ALWAYS_SENT

    status: Literal["ready"] = "ready"
    isa: Annotated[
        str,
        Field(description="What the kernels run on; `numpy` means that they were not built."),
    ]
