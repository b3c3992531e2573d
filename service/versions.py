"""Which version of each variant is served, here and wherever the state is shared."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic

from service.engine import Model
from service.errors import Problem
from service.gallery import Gallery, Served
from service.logs import log
from service.state import State, StateUnavailableError

LOADING_S = 10.0  # that a version's loading holds up the following of others; it goes on after that
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0  # before what could not be served is tried again


@dataclass(frozen=True)
class Pause:
    """What a version that could not be served is left alone for."""

    length_s: float
    ends_at: float  # of `monotonic`


class Versions:
    """A swap here is kept and announced; what others, or this service before, activated is swapped
    in."""

    def __init__(self, state: State, gallery: Gallery) -> None:
        self._state = state
        self._gallery = gallery
        self._pauses: dict[str, Pause] = {}  # by label

    async def activate(self, model: Model) -> Served:
        """Lets a model answer for its variant from now on, here and on every replica.

        Raises StateUnavailableError, and nothing is swapped then; or later, on every replica, if
        the state had the swap in hand and kept it after all.
        """
        await self._state.activate(model.variant, model.label)
        return self._gallery.serve(model)

    async def follow(self) -> None:
        """Catches up from time to time, and at once on every announcement, until cancelled."""
        while True:
            if await self._state.changed():
                self._pauses.clear()
            await self.catch_up()

    async def catch_up(self) -> None:
        """Serves the activated versions. Where one cannot be served the old one stays, and it is
        tried again after a pause: its file may come late, or be mended."""
        for variant, label in (await self._activated()).items():
            served = self._gallery.active.get(variant)
            if served is None or served.model.label == label:
                continue
            if label in self._pauses and monotonic() < self._pauses[label].ends_at:
                continue
            try:
                async with asyncio.timeout(LOADING_S):
                    model = await self._gallery.version(variant, label)
                # Another may have been activated since.
                if (await self._activated()).get(variant) == label:
                    self._gallery.serve(model)
                    log.info(
                        "serves %s, which was swapped in, and no more %s",
                        label,
                        served.model.label,
                    )
            except TimeoutError:
                self._failed(label, f"It was not loaded within {LOADING_S:g} s.")
            except Problem as problem:
                self._failed(label, problem.detail)
            except Exception as error:  # a fault of ours: others are followed all the same
                self._failed(label, "It failed, which is a fault of PBGen.", error)
            else:
                self._pauses.pop(label, None)

    async def _activated(self) -> Mapping[str, str]:
        try:
            return await self._state.active()
        except StateUnavailableError:
            return {}

    def _failed(self, label: str, reason: str, error: Exception | None = None) -> None:
        before = self._pauses.get(label)
        if before is None:
            log.error("cannot serve the activated %s yet: %s", label, reason, exc_info=error)
        length_s = min(2 * before.length_s, LONGEST_PAUSE_S) if before else FIRST_PAUSE_S
        self._pauses[label] = Pause(length_s, monotonic() + length_s)
