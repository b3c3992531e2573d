"""From a request to its images: admission, the model's lane, the deadline, a client that leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from fastapi import Request
from numpy.typing import NDArray

from service.errors import ClientLeft, DeadlineExceeded, Problem, Unavailable
from service.exchange import Exchange, exchange
from service.gallery import Served
from service.images import Format, Pixels
from service.job import Done, Job
from service.metrics import Metrics
from service.scheduler import QueueFullError, Scheduler
from service.subject import Subject

T = TypeVar("T")

WATCH_AFTER_S = 0.03  # most answers are out by then, without the cost of watching the connection


class Pipeline:
    """What stands between routes and kernels."""

    def __init__(self, scheduler: Scheduler, metrics: Metrics, deadline_s: float) -> None:
        self.draining = False
        self._scheduler = scheduler
        self._metrics = metrics
        self._deadline_s = deadline_s

    async def run(
        self, request: Request, served: Served, subject: Subject, picture_format: Format
    ) -> Done[bytes]:
        """Makes a subject's images and encodes them, both in a kernel thread.

        Raises Unavailable, DeadlineExceeded and ClientLeft.
        """
        done = await self.make(
            request,
            served,
            subject.inputs,
            lambda pictures: picture_format.encode(pictures, subject.seeds),
        )
        self._observe_encoding(exchange(request), picture_format, done)
        return done

    async def make(
        self,
        request: Request,
        served: Served,
        inputs: range | NDArray[np.uint8],
        finish: Callable[[Pixels], T],
    ) -> Done[T]:
        """Makes the images of seeds or latents; `finish(images)` runs in a kernel thread.

        Raises Unavailable, DeadlineExceeded and ClientLeft.
        """
        told = exchange(request)
        variant = served.model.variant
        progress = self._metrics.in_progress.labels(variant)
        progress.inc()
        try:
            job = self._admit(served, inputs, finish, told.client)
            try:
                done = await self._outcome(request, job)
            finally:
                served.lane.withdraw(job)
        finally:
            progress.dec()
        self._observe_images(told, served, done, len(inputs))
        if told.trace is not None:
            told.trace.add_stages(done, variant, len(inputs))
        return done

    @property
    def threads(self) -> int:
        """How many jobs can run at once."""
        return self._scheduler.threads

    @property
    def is_crowded(self) -> bool:
        """Whether `refusal` could be one for anyone now."""
        return self._scheduler.is_crowded

    def refusal(self, served: Served, client: str) -> Unavailable | None:
        """What a job of this client is refused with, which counts as one; None if there is room."""
        try:
            self._scheduler.check_room(served.lane, client)
        except QueueFullError as full:
            return self._overload(served, full)
        return None

    def refuse_while_draining(self) -> None:
        """Raises Unavailable once the service has been told to stop."""
        if self.draining:
            self._metrics.rejected.labels("draining").inc()
            raise Unavailable("This server is shutting down; another will answer.", retry_after_s=1)

    def queue(
        self, flow: str, served: Served, inputs: range, finish: Callable[[Pixels], T]
    ) -> Job[T] | None:
        """A job of a request that is under way already; None while the queue is full.

        `flow` takes turns as a client does. The caller withdraws the job.
        """
        try:
            return self._scheduler.submit(served.lane, inputs, finish, flow)
        except QueueFullError:
            return None

    def sent(
        self,
        told: Exchange,
        served: Served,
        picture_format: Format,
        done: Done[bytes],
        images: int,
    ) -> None:
        """Counts the images that a job of `queue` made and encoded."""
        self._observe_images(told, served, done, images)
        self._observe_encoding(told, picture_format, done)

    def _observe_images(self, told: Exchange, served: Served, done: Done[Any], images: int) -> None:
        variant, label = served.model.variant, served.model.label
        self._metrics.queue_duration.labels(variant).observe(done.queue_s, told.ids)
        self._metrics.images.labels(variant, label).inc(images)

    def _observe_encoding(self, told: Exchange, picture_format: Format, done: Done[bytes]) -> None:
        encoding = self._metrics.encode_duration.labels(picture_format.name)
        encoding.observe(done.finish_s, told.ids)

    def _admit(
        self,
        served: Served,
        inputs: range | NDArray[np.uint8],
        finish: Callable[[Pixels], T],
        client: str,
    ) -> Job[T]:
        try:
            return self._scheduler.submit(served.lane, inputs, finish, client)
        except QueueFullError as full:
            raise self._overload(served, full) from None

    def _overload(self, served: Served, full: QueueFullError) -> Unavailable:
        self._metrics.rejected.labels("overload").inc()
        return Unavailable(
            f"{full.held} places for images of {served.model.variant} are taken, {full.own} "
            f"of them by you; a client may take as many as are left of {full.limit}.",
            retry_after_s=full.retry_after_s,
        )

    async def _outcome(self, request: Request, job: Job[T]) -> Done[T]:
        """What the job gives, unless its request's deadline or its client's leave comes first.

        Both count from the request's arrival: it may consist of many jobs, one after the other.
        Timers cost less than `asyncio.wait` with a time-out does, and most answers need but one.
        """
        loop = asyncio.get_running_loop()
        watching: list[asyncio.Task[None]] = []

        def in_s(age_s: float, then: Callable[[], None]) -> asyncio.TimerHandle:
            return loop.call_later(max(0.0, age_s - exchange(request).age_s), then)

        def watch() -> None:
            watching.append(loop.create_task(_watch(request, job.future)))
            timers.append(in_s(self._deadline_s, lambda: _fail(job.future, self._late())))

        timers = [in_s(min(WATCH_AFTER_S, self._deadline_s), watch)]
        try:
            return await job.future
        except DeadlineExceeded:
            self._metrics.rejected.labels("deadline").inc()
            raise
        except ClientLeft:
            self._metrics.rejected.labels("client_left").inc()
            raise
        finally:
            for timer in timers:
                timer.cancel()
            for task in watching:
                task.cancel()

    def _late(self) -> DeadlineExceeded:
        return DeadlineExceeded(
            f"The images were not ready within {self._deadline_s:g} s of the request."
        )


async def _watch(request: Request, future: asyncio.Future[Any]) -> None:
    """Fails a future as soon as the client has left, or has sent more than it may."""
    try:
        while (await request.receive())["type"] != "http.disconnect":
            pass
    except Problem as problem:
        _fail(future, problem)
    else:
        _fail(future, ClientLeft("It left before its images were made."))


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
