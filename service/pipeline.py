"""From a request to its images: admission, the model's lane, the deadline, a client that leaves."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from fastapi import Request

from service.engine import Engine, Model
from service.errors import DeadlineExceeded, Unavailable, Unknown, shown
from service.exchange import exchange
from service.images import Format
from service.metrics import Metrics
from service.scheduler import Done, Job, Lane, QueueFullError, Scheduler
from service.subject import Subject

WATCH_AFTER_S = 0.03  # most answers are out by then, without the cost of watching the connection


class ClientLeftError(Exception):
    """The client closed the connection; there is nobody to answer."""


class Pipeline:
    """What stands between routes and kernels."""

    def __init__(
        self, engine: Engine, scheduler: Scheduler, metrics: Metrics, deadline_s: float
    ) -> None:
        self.engine = engine
        self.draining = False
        self._scheduler = scheduler
        self._metrics = metrics
        self._deadline_s = deadline_s
        self._lanes: dict[Model, Lane] = {}
        for model in engine.active.values():
            self._lanes[model] = scheduler.open(model.variant, model.run)
            metrics.describe(model.variant, model.label, model.generator, model.manifest)

    def model(self, request: Request, variant: str) -> Model:
        """The model that a request names. Raises Unknown, which lists those that there are."""
        model = self.engine.find(variant)
        if model is None:
            known = ", ".join(sorted(self.engine.active))
            raise Unknown(f"There is no variant {shown(variant)!r}; there are {known}.")
        exchange(request).variant = model.variant
        return model

    async def run(
        self,
        request: Request,
        model: Model,
        subject: Subject,
        picture_format: Format,
    ) -> Done[bytes]:
        """Makes a subject's images and encodes them, both in a kernel thread.

        Raises Unavailable, DeadlineExceeded and ClientLeftError.
        """
        progress = self._metrics.in_progress.labels(model.variant)
        progress.inc()
        try:
            job = self._admit(model, subject, picture_format)
            try:
                done = await self._outcome(request, job)
            finally:
                self._lanes[model].withdraw(job)
        finally:
            progress.dec()
        self._metrics.queue_duration.labels(model.variant).observe(done.queue_s)
        self._metrics.encode_duration.labels(picture_format.name).observe(done.finish_s)
        self._metrics.images.labels(model.variant, model.label).inc(len(subject.inputs))
        return done

    def _admit(self, model: Model, subject: Subject, picture_format: Format) -> Job[bytes]:
        if self.draining:
            self._metrics.rejected.labels("draining").inc()
            raise Unavailable("This server is shutting down; another will answer.", retry_after_s=1)
        try:
            return self._scheduler.submit(
                self._lanes[model],
                subject.inputs,
                lambda pictures: picture_format.encode(pictures, subject.seeds),
            )
        except QueueFullError as full:
            self._metrics.rejected.labels("overload").inc()
            raise Unavailable(
                f"{full.waiting} images wait for {model.variant}; from {full.limit} on none are "
                "taken in.",
                retry_after_s=full.retry_after_s,
            ) from None

    async def _outcome(self, request: Request, job: Job[bytes]) -> Done[bytes]:
        future = job.future
        done, _ = await asyncio.wait((future,), timeout=min(WATCH_AFTER_S, self._deadline_s))
        if not done:
            left = asyncio.ensure_future(_client_leaves(request))
            either: tuple[asyncio.Future[Any], ...] = (future, left)
            try:
                done, _ = await asyncio.wait(
                    either,
                    timeout=self._deadline_s - WATCH_AFTER_S,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                left.cancel()
            if not done:
                self._metrics.rejected.labels("deadline").inc()
                raise DeadlineExceeded(
                    f"The images were not ready within {self._deadline_s:g} s of the request."
                )
            if future not in done:
                self._metrics.rejected.labels("client_left").inc()
                raise ClientLeftError
        return future.result()


def pipeline(request: Request) -> Pipeline:
    """The pipeline of the app that a request came to."""
    return cast(Pipeline, request.app.state.pipeline)


async def _client_leaves(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
