"""Answers that carry images, with the headers that say where these come from; pages; and 304."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from service.engine import Model
from service.images import Format
from service.job import Done
from service.subject import Subject

_TAG = re.compile(r'"[^"]*"')


def origin_headers(model: Model, subject: Subject) -> dict[str, str]:
    """Which model made the images; X-PBGen-Seed, the first one's, if they come from seeds."""
    headers = {
        "X-PBGen-Variant": model.variant,
        "X-PBGen-Model": model.label,
        "X-PBGen-Digest": model.digest,
    }
    if subject.seeds is not None:
        headers["X-PBGen-Seed"] = str(subject.seeds[0])
    return headers


def image_answer(
    model: Model, subject: Subject, picture_format: Format, done: Done[bytes]
) -> Response:
    """Encoded images, and what making them took."""
    headers = origin_headers(model, subject)
    headers["Server-Timing"] = done.server_timing()
    return Response(done.value, media_type=picture_format.media_type, headers=headers)


def page_answer(request: Request, page: bytes, content_security_policy: str) -> Response:
    """A page of HTML that browsers ask for anew each time, or 304 if theirs is this one."""
    headers = {
        "ETag": f'"{hashlib.sha256(page).hexdigest()[:32]}"',
        "Cache-Control": "no-cache",
        "Content-Security-Policy": content_security_policy,
    }
    return not_modified(request, headers) or HTMLResponse(page, headers=headers)


def not_modified(request: Request, headers: Mapping[str, str]) -> Response | None:
    """304 if If-None-Match names the ETag of these headers (RFC 9110, 13.1.2: weakly, or any by *);
    they replace those that the client has kept.
    """
    told = ", ".join(request.headers.getlist("if-none-match")).strip()
    if told == "*" or headers["ETag"] in _TAG.findall(told):
        return Response(status_code=304, headers=headers)
    return None
