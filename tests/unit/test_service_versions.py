"""Which versions are served beside a state that announces, or is away, and a store that fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest

from model_store import Store, artifact
from service import versions as module
from service.engine import Engine, Model
from service.gallery import Gallery
from service.metrics import Metrics
from service.scheduler import Scheduler
from service.state import State, StateUnavailableError
from service.versions import FIRST_PAUSE_S, LONGEST_PAUSE_S, Versions
from tests import factories
from tests.scheduling import on_scheduler

LATE = "full@2"


class Announcer:
    """As much of a state as is asked here; tests say what others activated."""

    def __init__(self) -> None:
        self.labels: dict[str, str] = {}
        self.down = False
        self._news: asyncio.Queue[bool] = asyncio.Queue()

    def announce(self, label: str) -> None:
        self.labels[label.partition("@")[0]] = label
        self._news.put_nowait(True)

    def recheck(self) -> None:
        self._news.put_nowait(False)

    async def active(self) -> Mapping[str, str]:
        return dict(self.labels)

    async def activate(self, variant: str, label: str) -> None:
        if self.down:
            raise StateUnavailableError("it is down")
        self.announce(label)

    async def changed(self) -> bool:
        return await self._news.get()


class Clock:
    """Time that moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class CountingStore(Store):
    """Counts what is looked for."""

    looks = 0

    def find(self, model: str) -> object:
        self.looks += 1
        return super().find(model)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "monotonic", clock)
    return clock


Test = Callable[[Versions, Gallery, Announcer, CountingStore], Awaitable[None]]


def on_versions(root: Path, test: Test) -> None:
    async def run(scheduler: Scheduler) -> None:
        store, state = CountingStore(root), Announcer()
        engine = Engine(store, isa=None, threads=1)
        gallery = Gallery(engine, engine.load_active(), scheduler, Metrics())
        await test(Versions(cast(State, state), gallery), gallery, state, store)

    on_scheduler(run)


def put(root: Path, label: str) -> None:
    variant, _, version = label.partition("@")
    spec = factories.generator(variant, seed=int(version))
    artifact.write(
        root / variant / f"{version}.safetensors", spec, factories.manifest(spec, variant)
    )


def hold_back(gallery: Gallery, label: str) -> asyncio.Event:
    """Lets the loading of a version hang until the event is set."""
    released, load = asyncio.Event(), gallery._engine.load

    async def late(asked: str) -> Model:
        if asked == label:
            await released.wait()
        return await load(asked)

    gallery._engine.load = late
    return released


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.01)


def test_a_version_that_comes_late_is_served_after_a_pause(
    versions: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(followed: Versions, gallery: Gallery, state: Announcer, store: Store) -> None:
        state.labels["full"] = LATE
        for _ in range(5):
            await followed.catch_up()
        put(versions, LATE)
        clock.now += FIRST_PAUSE_S - 0.1
        await followed.catch_up()
        assert gallery.active["full"].model.label == "full@1"
        clock.now += 0.2
        await followed.catch_up()
        assert gallery.active["full"].model.label == LATE

    with caplog.at_level(logging.ERROR):
        on_versions(versions, test)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "cannot serve the activated full@2 yet"
    ]


def test_pauses_grow_up_to_a_bound(versions: Path, clock: Clock) -> None:
    async def test(
        followed: Versions, gallery: Gallery, state: Announcer, store: CountingStore
    ) -> None:
        state.labels["full"] = LATE
        tried: list[float] = []
        while clock.now < 1400:
            before = store.looks
            await followed.catch_up()
            if store.looks > before:
                tried.append(clock.now)
            clock.now += 1
        pauses = [after - before for before, after in pairwise(tried)]
        assert pauses[:5] == [FIRST_PAUSE_S * 2**i for i in range(5)]
        assert set(pauses[5:]) == {LONGEST_PAUSE_S}

    on_versions(versions, test)


def test_what_is_announced_anew_is_tried_at_once(versions: Path, clock: Clock) -> None:
    async def test(
        followed: Versions, gallery: Gallery, state: Announcer, store: CountingStore
    ) -> None:
        following = asyncio.create_task(followed.follow())
        state.announce(LATE)
        await until(lambda: LATE in followed._pauses)
        put(versions, LATE)
        state.recheck()
        await asyncio.sleep(0.1)
        assert gallery.active["full"].model.label == "full@1"
        state.announce(LATE)
        await until(lambda: gallery.active["full"].model.label == LATE)
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following

    on_versions(versions, test)


def test_a_swap_that_cannot_be_kept_swaps_nothing(versions: Path) -> None:
    async def test(followed: Versions, gallery: Gallery, state: Announcer, store: Store) -> None:
        before = gallery.active["partial"]
        model = await gallery.version("partial", "partial@2")
        (versions / "partial" / "10.safetensors").unlink()
        state.down = True
        with pytest.raises(StateUnavailableError):
            await followed.activate(model)
        assert gallery.active["partial"] is before
        state.down = False
        assert (await followed.activate(model)).model.label == "partial@2"

    on_versions(versions, test)


@pytest.mark.parametrize("fails", ["version", "serve"])
def test_no_fault_of_one_version_ends_the_following(
    versions: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fails: str,
) -> None:
    right, broken = getattr(Gallery, fails), True

    def wrong(gallery: Gallery, *given: object) -> object:
        if broken and LATE in (given[-1], getattr(given[-1], "label", None)):
            raise KeyError("a fault of ours")
        return right(gallery, *given)

    monkeypatch.setattr(Gallery, fails, wrong)

    async def test(followed: Versions, gallery: Gallery, state: Announcer, store: Store) -> None:
        nonlocal broken
        put(versions, LATE)
        following = asyncio.create_task(followed.follow())
        for label in (LATE, "partial@2"):
            state.announce(label)
        await until(lambda: gallery.active["partial"].model.label == "partial@2")
        clock.now += FIRST_PAUSE_S
        state.recheck()
        await until(lambda: followed._pauses[LATE].length_s > FIRST_PAUSE_S)
        broken = False
        clock.now += LONGEST_PAUSE_S
        state.recheck()
        await until(lambda: gallery.active["full"].model.label == LATE)
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following

    with caplog.at_level(logging.ERROR):
        on_versions(versions, test)
    (told,) = {record.getMessage() for record in caplog.records if record.exc_info}
    assert told == "cannot serve the activated full@2 yet: It failed, which is a fault of PBGen."


def test_a_swap_meanwhile_is_not_undone(versions: Path) -> None:
    async def test(followed: Versions, gallery: Gallery, state: Announcer, store: Store) -> None:
        model = await gallery.version("partial", "partial@2")
        released = hold_back(gallery, "partial@1")
        state.labels["partial"] = "partial@1"
        catching_up = asyncio.create_task(followed.catch_up())
        await until(lambda: "partial@1" in gallery._loads)
        await followed.activate(model)
        released.set()
        await catching_up
        assert gallery.active["partial"].model.label == "partial@2"

    on_versions(versions, test)


def test_a_version_that_hangs_holds_up_others_for_a_moment(
    versions: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(module, "LOADING_S", 1.0)

    async def test(followed: Versions, gallery: Gallery, state: Announcer, store: Store) -> None:
        put(versions, LATE)
        state.labels |= {"full": LATE, "partial": "partial@2"}
        released = hold_back(gallery, LATE)
        await followed.catch_up()
        assert gallery.active["partial"].model.label == "partial@2"
        released.set()
        await until(lambda: not gallery._loads)
        clock.now += FIRST_PAUSE_S
        await followed.catch_up()
        assert gallery.active["full"].model.label == LATE

    on_versions(versions, test)
