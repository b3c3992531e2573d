"""The OpenAPI document: FastAPI's own, with our problems, images and keys in place of its guesses.

docs/openapi.json is a copy (python -m docs), which a test compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from service.errors import MEDIA_TYPE
from service.images import FORMATS
from service.schemas.pictures import EncodedImages
from service.schemas.problem import ProblemDetails
from service.schemas.requests import GenerateBody, Swap, VoteBody

TEMPLATE = "#/components/schemas/{model}"
BINARY = {"schema": {"type": "string", "format": "binary"}}
KEY = "key"
NEEDS_KEY: dict[str, Any] = {"security": [{KEY: []}]}
MAY_NEED_KEY: dict[str, Any] = {"security": [{KEY: []}, {}]}  # by the setting PBGEN_OPEN_SCOPES
DESCRIPTION = (
    "A key is sent as `Authorization: Bearer KEY`. Its scopes are `generate` for images and `vote` "
    "for the arena, either of which a service may open to all, and `admin` for swaps. Every GET "
    "answers HEAD too. A request names its exchange by `X-Request-ID`, a word of at most 64 "
    "letters, digits and ._-, if it is to have a name of its own. JavaScript's numbers do not hold "
    "seeds from 2^53 on; X-PBGen-Seed has them whole."
)
TAGS = {  # of routers; client generators make a class of each
    "images": "Faces: as a picture, as a stream of many, as a resource, side by side.",
    "arena": "A blind vote between variants.",
    "models": "What is served, what is stored, and which version a variant has.",
    "operation": "For those who run the service.",
    "pages": "For people.",
}
MEANINGS = {
    400: "The request cannot be read.",
    401: "A key is needed, or the one given is not known.",
    403: "The key, or the arena's token, does not open this.",
    404: "No such variant or model; the known ones are listed.",
    406: "A `format` that the service does not make.",
    409: "This was done before: a token can be used once.",
    413: "A body or a count beyond its bound, which is named.",
    414: "A path and query beyond their bound, which is named.",
    415: "A body that is not JSON.",
    422: "A value that is not possible; its name, value and bound are told.",
    429: "The client asked for more images than its allowance; see Retry-After.",
    431: "Headers beyond their bound, which is named.",
    500: "A fault of the service, which its log tells by the request's id.",
    503: "Overload, shutting down, or no place to keep this; see Retry-After.",
    504: "Not done within the deadline.",
}
ALWAYS = (413, 414, 431, 500)  # may come to any request, whatever its route
PROBLEM_HEADERS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}
ORIGIN = ("X-PBGen-Variant", "X-PBGen-Model", "X-PBGen-Digest", "X-PBGen-Seed")  # of images
OPTIONAL = ("X-PBGen-Seed", "Server-Timing")  # the others are there wherever they are listed
CACHING = ("ETag", "Cache-Control")
CONDITION = {
    "name": "If-None-Match",
    "in": "header",
    "description": "ETags of what the client has; if this is one of them: 304.",
    "schema": {"type": "string"},
}
HEADERS = {
    "X-Request-ID": "Names this exchange in logs and problems: what the request's own X-Request-ID "
    "says, if that is a word of at most 64 letters, digits and ._-, else drawn.",
    "X-PBGen-Variant": "The variant that made the images.",
    "X-PBGen-Model": "Its stored version, name@version.",
    "X-PBGen-Digest": "The digest of its artifact.",
    "X-PBGen-Seed": "The first image's seed; image i has seed + i. Absent if they come from no "
    "seeds.",
    "Server-Timing": "What the images took, in milliseconds: queue, generate, encode. Absent for a "
    "cached one.",
    "ETag": "Strong: equal tags, equal bytes.",
    "Cache-Control": "Who may keep the answer, and for how long.",
    "Retry-After": "Seconds after which to ask again.",
    "WWW-Authenticate": "How to show a key: Bearer.",
}


def described(
    *,
    path: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    body: type[BaseModel] | None = None,
    body_required: bool = True,
    header: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The `openapi_extra` of a `direct.DirectRoute` that parses these."""
    parameters = [*_parameters("path", path), *_parameters("query", query)]
    if header is not None:
        parameters.append(header)
    told: dict[str, Any] = {"parameters": parameters} if parameters else {}
    if body is not None:
        content = {"application/json": {"schema": reference(body)}}
        told["requestBody"] = {"required": body_required, "content": content}
    return told


def _parameters(place: str, model: type[BaseModel] | None) -> Iterator[dict[str, Any]]:
    schema = {} if model is None else model.model_json_schema()
    for name, part in schema.get("properties", {}).items():
        for each in part.pop("anyOf", ()):  # a URL has no null: it leaves a parameter out
            if each != {"type": "null"}:
                part = each | part
        yield {
            "name": name,
            "in": place,
            "required": name in schema.get("required", ()),
            "description": part.get("description", ""),
            "schema": part,
        }


def unchanged(what: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers CONDITION (`answers.not_modified`)."""
    told = f"The {what} is still the one with the ETag of If-None-Match."
    return {304: {"description": told, "headers": header_references(*CACHING)}}


def reference(model: type[BaseModel]) -> dict[str, str]:
    """A reference to a model's schema, which `install` puts into the document."""
    return {"$ref": TEMPLATE.format(model=model.__name__)}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can answer with problems of these statuses."""
    content = {MEDIA_TYPE: {"schema": reference(ProblemDetails)}}
    return {
        status: {
            "description": MEANINGS[status],
            "content": content,
            "headers": header_references(*PROBLEM_HEADERS.get(status, ())),
        }
        for status in statuses
    }


def header_references(*names: str) -> dict[str, Any]:
    """The `headers` of a response, by reference to HEADERS."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def image_content() -> dict[str, Any]:
    """The `content` of an answer with images, for every format."""
    content = {each.media_type: BINARY for each in FORMATS.values()}
    return {**content, "application/json": {"schema": reference(EncodedImages)}}


def install(app: FastAPI) -> None:
    """Adds to the document what no route's own models bring in."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = make()
            for path in document["paths"].values():
                for operation in path.values():
                    for status, answer in problems(*ALWAYS).items():
                        operation["responses"].setdefault(str(status), answer)
                    for answer in operation["responses"].values():
                        answer["headers"] = {
                            **answer.get("headers", {}),
                            **header_references("X-Request-ID"),
                        }
            components = document["components"]
            components["headers"] = {
                name: {
                    "description": told,
                    "required": name not in OPTIONAL,
                    "schema": {"type": "string"},
                }
                for name, told in HEADERS.items()
            }
            components["securitySchemes"] = {KEY: {"type": "http", "scheme": "bearer"}}
            for model in (ProblemDetails, EncodedImages, GenerateBody, Swap, VoteBody):
                schema = model.model_json_schema(ref_template=TEMPLATE)
                parts = {**schema.pop("$defs", {}), model.__name__: schema}
                components["schemas"].update(parts)
        return make()

    app.openapi = openapi  # type: ignore[method-assign]
