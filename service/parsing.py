"""A request's path, query and body by pydantic alone, when its route asks for them: so a route
looks at the key before the content.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import BaseModel, ValidationError

from service.errors import (
    Malformed,
    MediaTypeUnsupported,
    OutOfRange,
    not_json,
    of_validation,
    shown,
)
from service.exchange import exchange

Model = TypeVar("Model", bound=BaseModel)


def parse_path(request: Request, model: type[Model]) -> Model:
    """The path's parameters as a model. Raises OutOfRange."""
    return _validate("path", model, request.path_params)


def parse_query(request: Request, model: type[Model]) -> Model:
    """The query as a model. Raises what `of_validation` gives, and OutOfRange for a name twice."""
    return _validate("query", model, _named_once(request))


async def parse_body(request: Request, model: type[Model]) -> Model:
    """The JSON body as a model. Raises as `parse_optional_body`, and OutOfRange without a body."""
    body = await parse_optional_body(request, model)
    if body is None:
        raise OutOfRange.of("body", "body", "absent", "present")
    return body


async def parse_optional_body(request: Request, model: type[Model]) -> Model | None:
    """The JSON body as a model, None if there is none.

    Raises what `of_validation` gives, Malformed, MediaTypeUnsupported, and TooLarge as it is read.
    """
    asked = exchange(request)
    if not asked.has_body:
        return None
    body = await request.body()
    if not body:
        if length := asked.header("content-length").lstrip("0"):
            raise Malformed(f"The body must have {shown(length)} bytes, as announced, not none.")
        return None
    kind = asked.header("content-type").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise MediaTypeUnsupported("The body must be JSON, with Content-Type: application/json.")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise not_json(body) from None
    return _validate("body", model, data)


async def refuse_body(request: Request) -> None:
    """Raises OutOfRange for a body that is not empty, of a call that takes none; TooLarge as it is
    read."""
    if exchange(request).has_body and (body := await request.body()):
        bound = "absent, since this call takes none"
        raise OutOfRange.of("body", "body", body.decode("utf-8", "replace"), bound)


def _named_once(request: Request) -> dict[str, str]:
    query = request.scope["query_string"].decode("latin-1")
    pairs = parse_qsl(query, keep_blank_values=True)
    values = dict(pairs)
    if len(values) < len(pairs):
        ((name, times),) = Counter(name for name, _ in pairs).most_common(1)
        raise OutOfRange.of("query", shown(name), f"{times} times", "given once")
    return values


def _validate(place: str, model: type[Model], data: Any) -> Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise of_validation(place, error, model) from None
