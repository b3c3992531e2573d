"""The parts of one app, as its routes reach them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from service.engine import Engine
from service.experiment import Experiment
from service.gallery import Gallery
from service.keys import KeyRing
from service.logs import RequestLog
from service.metrics import Metrics
from service.pipeline import Pipeline
from service.settings import Settings
from service.state import State
from service.tokens import Sealer
from service.versions import Versions


@dataclass(frozen=True)
class Context:
    """Made by the app's lifespan, once its generators are loaded."""

    settings: Settings
    metrics: Metrics
    request_log: RequestLog
    keys: KeyRing
    engine: Engine
    gallery: Gallery
    pipeline: Pipeline
    experiment: Experiment
    state: State
    sealer: Sealer
    versions: Versions


def context(request: Request) -> Context:
    """The parts of the app that a request came to."""
    return cast(Context, request.app.state.context)
