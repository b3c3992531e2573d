"""Errors (RFC 9457)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.errors import types


class FieldProblem(BaseModel):
    """One value of a request that is not possible."""

    model_config = ConfigDict(populate_by_name=True)

    place: Annotated[
        Literal["query", "path", "body"],
        Field(alias="in", description="Where it was sent."),
    ]
    name: str
    value: Annotated[str, Field(description="What was sent, shortened.")]
    bound: Annotated[str, Field(description="What it must be.")]


class ProblemDetails(BaseModel):
    """An error (RFC 9457)."""

    type: Annotated[
        str,
        Field(
            description="Which kind of problem it is, whatever its words.",
            json_schema_extra={"enum": [*types()]},
        ),
    ]
    title: str
    status: int
    detail: str
    instance: Annotated[str, Field(description="Names this occurrence by its X-Request-ID.")]
    errors: Annotated[
        list[FieldProblem],
        Field(
            description="The values that are not possible; absent where none is to blame.",
            json_schema_extra=lambda schema: schema.pop("default"),
        ),
    ] = []
