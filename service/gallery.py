"""Which model answers for which variant, and the lane that each model's work waits in."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from service.engine import Engine, Model
from service.errors import OutOfRange, Unknown, shown
from service.lane import Lane
from service.metrics import Metrics
from service.scheduler import Scheduler

LARGEST_GUESTS = 2  # models held that are not active, for who asks for them or swaps them in


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
        self._loads: dict[str, asyncio.Task[Served]] = {}  # by label, those under way
        self._paying = asyncio.Lock()  # whoever comes next finds the load that was paid for
        for model in models:
            self.serve(model)

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
        if served := self._held(variant):
            return served
        # An alias may come to mean another version; only a version is held under its name.
        if not _is_exact(variant):
            raise self._unknown(variant)
        async with self._paying:
            if served := self._held(variant):
                return served
            if variant not in self._loads:
                await before_loading()
            load = self._load(variant)
        return await asyncio.shield(load)

    async def version(self, variant: str, label: str) -> Model:
        """A stored version of a served variant, loaded if need be, for `serve`.

        Raises Unknown, OutOfRange for a model of another name, and BrokenModel.
        """
        if variant not in self._active:
            raise self._unknown(variant)
        if not _is_exact(label):
            label = (await self._engine.find(label)).label
        if label.partition("@")[0] != variant:
            raise OutOfRange.of("body", "model", label, f"a version of {variant}")
        if (served := self._held(label)) is None:
            served = await asyncio.shield(self._load(label))
        return served.model

    def serve(self, model: Model) -> Served:
        """Lets a model answer for its variant from now on."""
        current = self._active.get(model.variant)
        if current is not None and current.model.label == model.label:
            return current
        served = self._guests.pop(model.label, None) or self._open(model)
        if current is not None:
            self._scheduler.retire(current.lane)
            self._metrics.forget_model(current.model)
            current.model.hold.release()
        self._active[model.variant] = served
        served.model.hold.take()
        self._metrics.describe_model(served.model)
        return served

    def _held(self, label: str) -> Served | None:
        if label in self._guests:
            self._guests.move_to_end(label)
            return self._guests[label]
        return self.named(label)

    def _load(self, label: str) -> asyncio.Task[Served]:
        """The loading of a version: one for all who wait for it, which goes on without them."""
        if label not in self._loads:
            self._loads[label] = asyncio.create_task(self._invite(label))
            self._loads[label].add_done_callback(lambda load: self._loaded(label, load))
        return self._loads[label]

    def _loaded(self, label: str, load: asyncio.Task[Served]) -> None:
        del self._loads[label]
        if not load.cancelled():
            load.exception()  # nobody may be left to take it, which asyncio would complain of

    async def _invite(self, label: str) -> Served:
        model = await self._engine.load(label)
        if served := self.named(label):  # just swapped in
            return served
        served = self._guests[label] = self._open(model)
        while len(self._guests) > LARGEST_GUESTS:
            _, leaving = self._guests.popitem(last=False)
            self._scheduler.retire(leaving.lane)
        return served

    def _open(self, model: Model) -> Served:
        return Served(model, self._scheduler.open(model.variant, model.run, model.run_together))

    def _unknown(self, variant: str) -> Unknown:
        known = ", ".join(sorted(self._active))
        return Unknown(f"There is no variant {shown(variant)!r}; there are {known}.")


def _is_exact(label: str) -> bool:
    """Whether it names a version, not an alias or a name alone."""
    return label.partition("@")[2].isdecimal()
