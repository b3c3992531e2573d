"""The OpenAPI document: FastAPI's own, with our problems, images and keys in place of its guesses.

`python -m service.openapi` prints it; docs/openapi.json is a copy that a test compares.
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from service.errors import MEDIA_TYPE
from service.images import FORMATS
from service.schemas.pictures import EncodedImages
from service.schemas.problem import ProblemDetails
from service.schemas.requests import GenerateBody

TEMPLATE = "#/components/schemas/{model}"
KEY = "key"
NEEDS_KEY: dict[str, Any] = {"security": [{KEY: []}]}
MAY_NEED_KEY: dict[str, Any] = {"security": [{KEY: []}, {}]}  # by the setting PBGEN_OPEN_SCOPES
MEANINGS = {
    400: "The request cannot be read.",
    401: "A key is needed, or the one given is not known.",
    403: "The key, or the arena's token, does not open this.",
    404: "No such variant or model; the known ones are listed.",
    406: "A format that the service does not make.",
    409: "This was done before: a token can be used once.",
    413: "A body or a count beyond its bound, which is named.",
    414: "A path and query beyond their bound, which is named.",
    415: "A body that is not JSON.",
    422: "A value that is not possible; its name, value and bound are told.",
    429: "The client asked for more images than its allowance; see Retry-After.",
    431: "Headers beyond their bound, which is named.",
    503: "Overload, shutting down, or no place to keep this; see Retry-After.",
    504: "Not done within the deadline.",
}


LIMITS = (413, 414, 431)  # of any request, whatever its route


def reference(model: type[BaseModel]) -> dict[str, str]:
    """A reference to a model's schema, which `install` puts into the document."""
    return {"$ref": TEMPLATE.format(model=model.__name__)}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can answer with problems of these statuses."""
    content = {MEDIA_TYPE: {"schema": reference(ProblemDetails)}}
    return {status: {"description": MEANINGS[status], "content": content} for status in statuses}


def image_content() -> dict[str, Any]:
    """The `content` of an answer with images, for every format."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    content = {each.media_type: binary for each in FORMATS.values()}
    return {**content, "application/json": {"schema": reference(EncodedImages)}}


def install(app: FastAPI) -> None:
    """Adds to the document what no route's own models bring in."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = make()
            for path in document["paths"].values():
                for operation in path.values():
                    for status, answer in problems(*LIMITS).items():
                        operation["responses"].setdefault(str(status), answer)
            components = document["components"]
            components["securitySchemes"] = {KEY: {"type": "http", "scheme": "bearer"}}
            for model in (ProblemDetails, EncodedImages, GenerateBody):
                schema = model.model_json_schema(ref_template=TEMPLATE)
                parts = {**schema.pop("$defs", {}), model.__name__: schema}
                components["schemas"].update(parts)
        return make()

    app.openapi = openapi  # type: ignore[method-assign]


def main() -> None:
    from service.app import create_app  # which imports this module
    from service.settings import Settings

    print(json.dumps(create_app(Settings()).openapi(), indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
