"""What goes wrong, as application/problem+json (RFC 9457).

Every error leaves through `respond`, with words written here: never a path, a traceback or a
library's message.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any, Self, get_args

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import HTTPException
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException as RouterException

from service.exchange import exchange
from service.head import allowed
from service.state import StateUnavailableError

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:pbgen:problem:{}"
_encode = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps makes one at each such call
_parts = json.JSONEncoder(ensure_ascii=False, default=repr).iterencode
LONGEST_VALUE = 80  # characters of a client's value that are told back
MOST_TOLD = 5  # wrong fields of a request


class Problem(HTTPException):
    """An error with an HTTP status; its subclasses are the kinds that clients can tell apart.

    FastAPI lets its own HTTPException, and only that, pass while it reads a body.
    """

    status: int
    kind: str  # the last part of the problem's type
    title: str

    def __init__(
        self,
        detail: str,
        *,
        errors: Iterable[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(self.status, detail, headers)
        self.errors = list(errors)

    @classmethod
    def of(cls, place: str, name: str, value: object, bound: str) -> Self:
        """The problem of one field: where it is, its value, and what would be right."""
        field = {"in": place, "name": name, "value": shown(value), "bound": bound}
        return cls(f"{name} must be {bound}, not {field['value']}.", errors=[field])


class Malformed(Problem):
    status, kind, title = 400, "malformed", "The request cannot be read"


class Unauthorized(Problem):
    status, kind, title = 401, "unauthorized", "A key is needed"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Problem):
    status, kind, title = 403, "forbidden", "The key or token does not open this"


class Unknown(Problem):
    status, kind, title = 404, "unknown", "There is no such variant or model"


class Conflict(Problem):
    status, kind, title = 409, "conflict", "This was done before"


class FormatUnavailable(Problem):
    status, kind, title = 406, "format", "The service does not make this format"


class TooLarge(Problem):
    status, kind, title = 413, "too-large", "More than one request may ask for"


class UrlTooLong(Problem):
    status, kind, title = 414, "url", "The URL is too long"


class MediaTypeUnsupported(Problem):
    status, kind, title = 415, "media-type", "The body must be JSON"


class OutOfRange(Problem):
    status, kind, title = 422, "out-of-range", "A value is not one that is possible"


class BrokenModel(Problem):
    status, kind, title = 422, "broken-model", "The stored model cannot be used"


class HeadersTooLarge(Problem):
    status, kind, title = 431, "headers", "The headers are too large"


class ClientLeft(Problem):
    """Nobody is there to read it: for metrics and logs alone. The number is nginx's."""

    status, kind, title = 499, "client-left", "The client closed the connection"


class Internal(Problem):
    status, kind, title = 500, "internal", "The service failed"


class NotNow(Problem):
    """The same request may do later."""

    def __init__(self, detail: str, *, retry_after_s: float) -> None:
        super().__init__(detail, headers={"Retry-After": str(max(1, math.ceil(retry_after_s)))})


class RateLimited(NotNow):
    status, kind, title = 429, "rate-limit", "Too many images asked for"


class Unavailable(NotNow):
    """Overload, draining, or no place to keep something."""

    status, kind, title = 503, "unavailable", "The service cannot take this request now"


class DeadlineExceeded(Problem):
    status, kind, title = 504, "deadline", "The request took longer than the deadline"


class OfStatus(Problem):
    """What the router says by itself: no such path, wrong method."""

    kind = "http"

    def __init__(self, status: int, headers: Mapping[str, str] | None) -> None:
        self.status = status
        self.title = HTTPStatus(status).phrase
        told = dict(headers or {})
        if "Allow" in told:
            told["Allow"] = allowed(told["Allow"])
        super().__init__(DETAILS.get(status, self.title), headers=told)


DETAILS = {
    400: "The body cannot be read as JSON.",
    404: "There is nothing at this path; /openapi.json lists what there is.",
    405: "This path does not take this method; the Allow header lists those that it takes.",
}


def respond(problem: Problem, request_id: str) -> Response:
    """The response that tells a problem."""
    return Response(content(problem, request_id), problem.status, problem.headers, MEDIA_TYPE)


def content(problem: Problem, request_id: str) -> bytes:
    """A problem as JSON."""
    told: dict[str, Any] = {
        "type": TYPE.format(problem.kind),
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": f"urn:pbgen:request:{request_id}",
    }
    if problem.errors:
        told["errors"] = problem.errors
    return _encode(told).encode("utf-8", "replace")


def of_validation(place: str, error: ValidationError, model: type[BaseModel]) -> Problem:
    """The problem of a path, query or body that does not fit its model: names, values, bounds.

    Schemas keep the number of errors small (`schemas.requests.Asked`): each costs time and memory.
    """
    found = error.errors(include_url=False)
    fields = [_field(place, each, model) for each in found[:MOST_TOLD]]
    told = ["{name} must be {bound}, not {value}".format_map(each) for each in fields]
    if len(found) > MOST_TOLD:
        told.append(f"and {len(found) - MOST_TOLD} more")
    return _kind(found)(f"{'; '.join(told)}.", errors=fields)


def not_json(body: str | bytes) -> Malformed:
    """The problem of a body that is not JSON; tells how it begins."""
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    return Malformed(f"The body must be a JSON object, not {shown(text)!r}.")


def shown(value: object) -> str:
    """A client's value as an error tells it back: as in JSON, and short."""
    if isinstance(value, str):
        text = value[: LONGEST_VALUE + 1]
    else:  # as much as is told, since all of it may be a megabyte, or nested too deeply
        text = ""
        for part in _parts(value):
            text += part
            if len(text) > LONGEST_VALUE:
                break
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"


def types() -> Iterator[str]:
    """The type of every problem that can be told."""
    kinds: list[type[Problem]] = [Problem]
    for kind in kinds:
        kinds += kind.__subclasses__()
        if "kind" in vars(kind) and kind is not ClientLeft:
            yield TYPE.format(kind.kind)


def of_exception(error: Exception) -> Problem:
    """The problem that an exception is told as; Internal for what nobody expected."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, StateUnavailableError):
        return Unavailable(f"This cannot be kept now: {error}.", retry_after_s=1)
    if isinstance(error, RouterException):
        return OfStatus(error.status_code, error.headers)
    return Internal("The service failed; its log tells more under this request's id.")


def install(app: FastAPI) -> None:
    """Makes the app tell its own, the router's and the validation's errors as problems."""

    async def tell(request: Request, error: Exception) -> Response:
        return respond(of_exception(error), exchange(request).request_id)

    app.exception_handlers |= dict.fromkeys((Problem, RouterException, StateUnavailableError), tell)


# Words for pydantic's kinds of error; the braces take the error's context.
BOUNDS = {
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "int_parsing": "an integer",
    "int_parsing_size": "an integer of at most 20 digits",
    "int_from_float": "an integer",
    "int_type": "an integer",
    "rounded": "an integer in plain digits, since from 2^53 on a float is rounded",
    "no_digits": "an integer in plain digits",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "list_type": "a list",
    "model_attributes_type": "an object",
    "model_type": "an object",
    "too_short": "at least {min_length} long",
    "too_long": "at most {max_length} long",
    "string_type": "text",
    "string_too_long": "text of at most {max_length} characters",
    "missing": "present",
    "extra_forbidden": "absent (it is not known)",
    "too_many_names": "of at most {most} names",
}
COUNTS = (("count",), ("steps",))  # where they are


def _field(place: str, error: Mapping[str, Any], model: type[BaseModel]) -> dict[str, str]:
    """Where a validation error is, the value that was sent, and what would be right."""
    bound = BOUNDS.get(error["type"], "a valid value").format_map(error.get("ctx", {}))
    if error["type"] == "extra_forbidden" and (known := _known(model, error["loc"])):
        bound = f"absent (it is not known; {known})"
    value = "absent" if error["type"] == "missing" else shown(error["input"]) or '""'
    name = shown(".".join(map(str, error["loc"])) or place)
    return {"in": place, "name": name, "value": value, "bound": bound}


def _known(model: type[BaseModel], way: Sequence[str | int]) -> str:
    """Which name is nearest to an unknown one, or else all that are known where it is."""
    *outer, name = map(str, way)
    for each in outer:
        parts = get_args(model.model_fields[each].annotation)
        (model,) = (part for part in parts if issubclass(part, BaseModel))
    names = [field.alias or each for each, field in model.model_fields.items()]
    names = get_close_matches(name[:LONGEST_VALUE], names, n=1) or names
    return ", ".join(names) + (" is" if len(names) == 1 else " are") if names else ""


def _kind(found: Iterable[Mapping[str, Any]]) -> type[Problem]:
    """A count beyond its bound asks for too much; any other value beyond one is a wrong value."""
    for error in found:
        name, wrong = error["loc"][-1:], error["type"]
        if wrong == "too_long" or (wrong == "less_than_equal" and name in COUNTS):
            return TooLarge
        if wrong == "literal_error" and name == ("format",):
            return FormatUnavailable
    return OutOfRange
