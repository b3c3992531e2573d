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

from fastapi import Request

from service.context import context
from service.exchange import exchange
from service.gallery import Served
from service.images import Format, Pixels
from service.job import Job
from service.ustar import END, member

CHUNK = 32  # images
FULL_QUEUE_WAIT_S = 0.02
DIGITS = 8  # of a member's name


async def tar_stream(
    request: Request, served: Served, seeds: range, picture_format: Format
) -> AsyncIterator[bytes]:
    """The tar, a chunk of images at a time; member i is image i, and manifest.json comes last.

    The caller has charged the client for the first chunk. Each other is charged before it is made,
    so a stream goes on at the rate of the allowance, and what a client that leaves did not get
    made it does not owe.
    """
    service, told = context(request), exchange(request)
    pipeline, progress = service.pipeline, service.metrics.in_progress.labels(served.model.variant)
    flow = f"stream of {told.client}"  # waits by itself: what streams hold refuses no single face
    jobs: deque[Job[bytes]] = deque()
    starts = range(0, len(seeds), CHUNK)
    paid, submitted, wait_s = 1, 0, 0.0
    progress.inc()
    try:
        while jobs or submitted < len(starts):
            while submitted < len(starts) and len(jobs) < pipeline.threads:
                start = starts[submitted]
                part = seeds[start : start + CHUNK]
                if paid == submitted:
                    if wait_s := await service.state.charge(told.client, len(part)):
                        wait_s *= 2  # in the second half the client's other requests find room
                        break
                    paid += 1
                job = pipeline.queue(flow, served, part, _wrap(picture_format, start))
                if job is None:
                    wait_s = FULL_QUEUE_WAIT_S
                    break
                jobs.append(job)
                submitted += 1
            if jobs:
                done = await jobs[0].future
                pipeline.sent(told, served, picture_format, done, jobs.popleft().rows)
                yield done.value
            else:
                await asyncio.sleep(wait_s)
        yield member("manifest.json", _manifest(served, seeds, picture_format)) + END
    finally:  # also when the client has left
        progress.dec()
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
