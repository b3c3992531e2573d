"""The answers that carry images, with the headers that say where they come from."""

from __future__ import annotations

from fastapi import Response

from service.engine import Model
from service.images import Format
from service.job import Done
from service.subject import Subject


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
