"""The time that a request has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from service.context import context
from service.errors import DeadlineExceeded
from service.exchange import exchange


@asynccontextmanager
async def deadline(request: Request) -> AsyncIterator[None]:
    """Bounds how long a request waits for the model store, counted from the request's arrival.

    Raises DeadlineExceeded. The pipeline has its own, which is cheaper.
    """
    service = context(request)
    deadline_s = service.settings.deadline_s
    try:
        async with asyncio.timeout(deadline_s - exchange(request).age_s):
            yield
    except TimeoutError:
        service.metrics.rejected.labels("deadline").inc()
        raise DeadlineExceeded(
            f"The model store had no answer within {deadline_s:g} s of the request."
        ) from None
