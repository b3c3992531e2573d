"""The answers that carry images, with the headers that say where they come from."""

from __future__ import annotations

from fastapi import Response

from service.engine import Model
from service.images import Format
from service.scheduler import Done
from service.subject import Subject


def image_answer(
    model: Model, subject: Subject, picture_format: Format, done: Done[bytes]
) -> Response:
    """Encoded images. X-PBGen-Seed, the first one's seed, is there if they come from seeds."""
    headers = {
        "X-PBGen-Variant": model.variant,
        "X-PBGen-Model": model.label,
        "X-PBGen-Digest": model.digest,
        "Server-Timing": done.server_timing(),
    }
    if subject.seeds is not None:
        headers["X-PBGen-Seed"] = str(subject.seeds[0])
    return Response(done.value, media_type=picture_format.media_type, headers=headers)
