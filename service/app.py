"""create_app(settings): wiring and lifespan only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI

from model_store import Store
from service import errors, openapi
from service.engine import Engine
from service.gallery import Gallery
from service.keys import KeyRing
from service.metrics import Metrics
from service.middleware import Telemetry
from service.pipeline import Pipeline
from service.routes import ROUTERS
from service.scheduler import Scheduler
from service.security import BodyLimit
from service.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """The service as an ASGI app; its lifespan loads the generators.

    Starting it raises ArtifactError for a store that cannot be served, and ValueError for an
    instruction set that the machine lacks.
    """
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = Engine(Store(settings.store), settings.isa)
        models = engine.load_active()
        scheduler = Scheduler(
            settings.threads,
            settings.batch_limit,
            settings.batch_s,
            settings.queue_limit,
            metrics,
        )
        gallery = Gallery(engine, models, scheduler, metrics)
        app.state.engine = engine
        app.state.pipeline = Pipeline(gallery, scheduler, metrics, settings.deadline_s)
        yield
        scheduler.close()

    app = FastAPI(
        title="PBGen",
        summary="Faces from partially binarized generators",
        version=_version(),
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.metrics = metrics
    app.state.keys = KeyRing(settings.api_keys, settings.open_scopes)
    errors.install(app)
    openapi.install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(BodyLimit, limit_bytes=settings.body_limit_bytes)
    app.add_middleware(Telemetry, metrics=metrics)  # the last one added is the outermost
    return app


def _version() -> str:
    try:
        return version("pbgen")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0"
