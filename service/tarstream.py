"""Any number of images as one uncompressed tar, made at the pace at which it is read.

A chunk of images is one job: made, encoded and wrapped in a kernel thread. As many chunks are under
way as there are threads, so memory does not grow with the stream.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from functools import partial

from service.gallery import Served
from service.images import Format, Pixels
from service.job import Job
from service.pipeline import Pipeline
from service.ustar import END, member

CHUNK = 32  # images
FULL_QUEUE_WAIT_S = 0.02
DIGITS = 8  # of a member's name


async def tar_stream(
    pipeline: Pipeline, client: str, served: Served, seeds: range, picture_format: Format
) -> AsyncIterator[bytes]:
    """The tar, a chunk of images at a time; member i is image i, and manifest.json comes last."""
    flow = f"stream of {client}"  # waits by itself: what streams hold refuses no single face
    jobs: deque[Job[bytes]] = deque()
    starts = range(0, len(seeds), CHUNK)
    submitted = 0
    try:
        while jobs or submitted < len(starts):
            while submitted < len(starts) and len(jobs) < pipeline.threads:
                start = starts[submitted]
                part = seeds[start : start + CHUNK]
                job = pipeline.queue(flow, served, part, _wrap(picture_format, start))
                if job is None:
                    break
                jobs.append(job)
                submitted += 1
            if jobs:
                content = (await jobs[0].future).value
                pipeline.sent(served, jobs.popleft().rows)
                yield content
            else:
                await asyncio.sleep(FULL_QUEUE_WAIT_S)
        yield member("manifest.json", _manifest(served, seeds, picture_format)) + END
    finally:  # also when the client has left
        for job in jobs:
            served.lane.withdraw(job)


def _wrap(picture_format: Format, start: int) -> Callable[[Pixels], bytes]:
    return partial(_members, picture_format=picture_format, start=start)


def _members(pictures: Pixels, *, picture_format: Format, start: int) -> bytes:
    return b"".join(
        member(f"{start + i:0{DIGITS}d}.{picture_format.name}", picture_format.encode_one(picture))
        for i, picture in enumerate(pictures)
    )


def _manifest(served: Served, seeds: range, picture_format: Format) -> bytes:
    told = {
        "model": served.model.label,
        "digest": served.model.digest,
        "seed": seeds[0],
        "count": len(seeds),
        "format": picture_format.name,
    }
    return json.dumps(told, indent=2).encode()
