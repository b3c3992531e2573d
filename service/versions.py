"""Which version of each variant is served, here and wherever the state is shared."""

from __future__ import annotations

from service.errors import Problem
from service.gallery import Gallery, Served
from service.logs import log
from service.state import State, StateUnavailableError


class Versions:
    """A swap here is kept and announced; what others, or this service before, activated is swapped
    in."""

    def __init__(self, state: State, gallery: Gallery) -> None:
        self._state = state
        self._gallery = gallery
        self._failed: set[str] = set()  # labels that were tried and cannot be served here

    async def activate(self, variant: str, label: str) -> Served:
        """Serves another version from now on, here and on every replica, or leaves all as it was.

        Raises what `Gallery.swap` does, and StateUnavailableError.
        """
        before = self._gallery.named(variant)
        served = await self._gallery.swap(variant, label)
        self._failed.discard(served.model.label)
        try:
            await self._state.activate(variant, served.model.label)
        except StateUnavailableError:
            if before is not None:
                await self._gallery.swap(variant, before.model.label)
            raise
        return served

    async def follow(self) -> None:
        """Catches up on every announcement, until cancelled."""
        while True:
            await self._state.changed()
            await self.catch_up()

    async def catch_up(self) -> None:
        """Serves the activated versions; the old ones stay where that cannot be done."""
        try:
            activated = await self._state.active()
        except StateUnavailableError:
            return
        for variant, label in activated.items():
            served = self._gallery.active.get(variant)
            if served is None or served.model.label == label or label in self._failed:
                continue
            try:
                await self._gallery.swap(variant, label)
            except Problem as problem:
                self._failed.add(label)
                log.error("cannot serve the activated %s: %s", label, problem.detail)
