"""create_app(settings): wiring and lifespan only."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.telemetry import TelemetryConfig

from model_store import Store
from service import errors, openapi
from service.context import Context
from service.direct import Shortcut
from service.engine import Engine
from service.experiment import Experiment
from service.gallery import Gallery
from service.gate import Gate
from service.head import HeadAsGet
from service.keys import KeyRing
from service.logs import RequestLog
from service.metrics import Metrics
from service.middleware import Telemetry
from service.pipeline import Pipeline
from service.routes import ROUTERS
from service.scheduler import Scheduler
from service.security import Limits, SecurityHeaders
from service.settings import Settings
from service.state.opening import open_state
from service.tokens import Sealer
from service.versions import Versions

if TYPE_CHECKING:
    from service.tracing import Tracing

INTERFACE_VERSION = "1"
# FastAPI would look at each request whether somebody has set OpenTelemetry up by now.
UNTRACED: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}


def create_app(settings: Settings) -> FastAPI:
    """The service as an ASGI app; its lifespan loads the generators.

    Starting it raises ArtifactError for a store that cannot be served, StateUnavailableError for a
    data directory that cannot be used, and ValueError for an experiment that cannot be run, or
    tracing without its extra.
    """
    metrics = Metrics()
    request_log = RequestLog()
    tracing = _open_tracing(settings)

    app = FastAPI(
        title="PBGen",
        summary="Faces from partially binarized generators",
        description=openapi.DESCRIPTION,
        openapi_tags=[{"name": name, "description": told} for name, told in openapi.TAGS.items()],
        version=INTERFACE_VERSION,
        lifespan=partial(
            _lifespan,
            settings=settings,
            metrics=metrics,
            request_log=request_log,
            tracing=tracing,
        ),
        generate_unique_id_function=lambda route: route.name,
        telemetry=UNTRACED if tracing is None else tracing.config,
        redirect_slashes=False,
        docs_url=None,  # it fetches scripts from another host; `routes.documents` has ours
        redoc_url=None,
    )
    errors.install(app)
    openapi.install(app)
    for router in ROUTERS:
        app.include_router(router)
    # The last one added is the outermost.
    if tracing is None:  # the router is what names spans
        app.add_middleware(Shortcut, routers=ROUTERS)
    app.add_middleware(Limits, body_bytes=settings.body_limit_bytes, deadline_s=settings.deadline_s)
    app.add_middleware(Telemetry, metrics=metrics, request_log=request_log, tracing=tracing)
    app.add_middleware(SecurityHeaders, shared=bool(settings.cors_origins))
    app.add_middleware(HeadAsGet)
    app.add_middleware(Gate)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "HEAD", "POST", "PUT"),
            allow_headers=("Authorization", "Content-Type", "If-None-Match", "X-Request-ID"),
            expose_headers=tuple(openapi.HEADERS),
        )
    return app


@asynccontextmanager
async def _lifespan(
    app: FastAPI,
    settings: Settings,
    metrics: Metrics,
    request_log: RequestLog,
    tracing: Tracing | None,
) -> AsyncIterator[None]:
    """Opens the parts, and closes them, the last one first, also where a later one fails."""
    async with AsyncExitStack() as closing:
        closing.callback(request_log.flush)
        if tracing is not None:
            closing.push_async_callback(asyncio.to_thread, tracing.close)
        engine = Engine(Store(settings.store), settings.isa, settings.threads)
        models = engine.load_active()
        state = open_state(settings)
        closing.push_async_callback(state.close)
        metrics.breaker_open.set_function(lambda: state.is_left_alone)
        scheduler = Scheduler(
            settings.threads,
            settings.batch_limit,
            settings.batch_s,
            settings.queue_limit,
            metrics,
        )
        closing.callback(scheduler.close)
        gallery = Gallery(engine, models, scheduler, metrics)
        experiment = Experiment(settings.experiment, gallery.active)
        for variant, share in experiment.shares.items():
            metrics.experiment_weight.labels(variant).set(share)
        versions = Versions(state, gallery)
        app.state.context = Context(
            settings=settings,
            metrics=metrics,
            request_log=request_log,
            keys=KeyRing(settings.api_keys, settings.open_scopes),
            engine=engine,
            gallery=gallery,
            pipeline=Pipeline(scheduler, metrics, settings.deadline_s),
            experiment=experiment,
            state=state,
            sealer=Sealer(settings.secret),
            versions=versions,
        )
        await versions.catch_up()
        # What there is by now stays: looking through it for cycles took 50 ms again and again.
        gc.collect()
        gc.freeze()
        following = asyncio.create_task(versions.follow())
        closing.push_async_callback(_cancelled, following)
        yield


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _open_tracing(settings: Settings) -> Tracing | None:
    if not settings.tracing:
        return None
    try:
        from service.tracing import Tracing
    except ImportError:
        raise ValueError("PBGEN_TRACING needs: pip install --editable '.[tracing]'") from None
    return Tracing()
