"""Which model answers for which variant, and the lane that each model's work waits in."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from model_store import Artifact, ArtifactError, UnknownModelError
from service.engine import Engine, Model
from service.errors import BrokenModel, OutOfRange, Unknown, shown
from service.lane import Lane
from service.logs import log
from service.metrics import Metrics
from service.scheduler import Scheduler

LARGEST_GUESTS = 2  # models held for requests that name a version which is not active


@dataclass(frozen=True, eq=False)
class Served:
    """A model and the lane of its work."""

    model: Model
    lane: Lane


class Gallery:
    """The served models. Swapping one loses no request: work that waits ends on the old model."""

    def __init__(
        self, engine: Engine, models: Iterable[Model], scheduler: Scheduler, metrics: Metrics
    ) -> None:
        self._engine = engine
        self._scheduler = scheduler
        self._metrics = metrics
        self._active: dict[str, Served] = {}
        self._guests: OrderedDict[str, Served] = OrderedDict()  # by label, least recent first
        self._loading = asyncio.Lock()  # one model at a time: loading takes memory and cores
        self._reading = asyncio.Lock()  # one file at a time, but not behind a model
        for model in models:
            self._activate(model)

    @property
    def active(self) -> Mapping[str, Served]:
        """What is served, by variant."""
        return self._active

    def named(self, variant: str) -> Served | None:
        """The active model of a variant's name, or of "name@version" if that one is active."""
        served = self._active.get(variant.partition("@")[0])
        return served if served and variant in (served.model.variant, served.model.label) else None

    async def find(self, variant: str, before_loading: Callable[[], Awaitable[None]]) -> Served:
        """The model of a variant, or of any stored "name@version", loaded if need be.

        Raises Unknown, which lists what there is, BrokenModel, and what `before_loading` raises,
        which is awaited once however many requests wait for the model.
        """
        served = self.named(variant) or self._guests.get(variant)
        if served is None:
            # An alias may come to mean another version; only a version is held under its name.
            if not variant.partition("@")[2].isdecimal():
                known = ", ".join(sorted(self._active))
                raise Unknown(f"There is no variant {shown(variant)!r}; there are {known}.")
            served = await self._invite(variant, before_loading)
        if variant in self._guests:
            self._guests.move_to_end(variant)
        return served

    async def swap(self, variant: str, label: str) -> Served:
        """Serves another version of a variant from now on; on failure the old one stays.

        Raises Unknown, OutOfRange for a model of another name, and BrokenModel.
        """
        if variant not in self._active:
            known = ", ".join(sorted(self._active))
            raise Unknown(f"There is no variant {shown(variant)!r}; there are {known}.")
        async with self._loading:
            current = self._active[variant]
            if current.model.label == label:
                return current
            model = await self._load(label)
            if model.variant != variant:
                raise OutOfRange(f"model must be a version of {variant}, not {shown(label)}.")
            self._scheduler.retire(current.lane)
            self._metrics.forget_model(current.model)
            return self._activate(model)

    async def artifact(self, label: str) -> Artifact:
        """What a stored version's file says, verified anew.

        Raises Unknown and BrokenModel.
        """
        async with self._reading:
            try:
                return await asyncio.to_thread(self._engine.artifact, label)
            except ArtifactError as error:
                raise of_artifact(error) from None

    def _activate(self, model: Model) -> Served:
        served = self._active[model.variant] = self._serve(model)
        self._metrics.describe_model(model)
        return served

    async def _invite(self, label: str, before_loading: Callable[[], Awaitable[None]]) -> Served:
        async with self._loading:
            if label in self._guests:  # another request for it was first
                return self._guests[label]
            await before_loading()
            model = await self._load(label)
            if served := self.named(label):  # just swapped in
                return served
            served = self._guests[label] = self._serve(model)
            while len(self._guests) > LARGEST_GUESTS:
                _, leaving = self._guests.popitem(last=False)
                self._scheduler.retire(leaving.lane)
            return served

    def _serve(self, model: Model) -> Served:
        return Served(model, self._scheduler.open(model.variant, model.run, model.run_together))

    async def _load(self, label: str) -> Model:
        try:
            return await asyncio.to_thread(self._engine.load, label)
        except ArtifactError as error:
            raise of_artifact(error) from None
        except (MemoryError, RuntimeError) as error:  # its arrays are sound, but do not run here
            log.error("cannot run %s", label, exc_info=error)
            raise BrokenModel(f"{shown(label)} cannot be run on this machine now.") from None


def of_artifact(error: ArtifactError) -> Unknown | BrokenModel:
    """The problem of an artifact; the store's words hold no path and may be passed on."""
    return (
        Unknown(f"{error}.") if isinstance(error, UnknownModelError) else BrokenModel(f"{error}.")
    )
