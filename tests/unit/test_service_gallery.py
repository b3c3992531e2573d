"""Which models are held and loaded, beside a store that hangs."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from model_store import Artifact, Entry, Store
from service import engine
from service.engine import Engine
from service.errors import OutOfRange, Unavailable, Unknown
from service.gallery import LARGEST_GUESTS, Gallery
from service.metrics import Metrics
from service.scheduler import Scheduler
from tests.scheduling import on_scheduler


class HangingStore(Store):
    """Holds back what is named in `hanging`, files by label and the listing, until `release`."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.hanging: set[str] = set()
        self.calls: Counter[str] = Counter()
        self._released = threading.Event()

    def release(self) -> None:
        self._released.set()

    def find(self, model: str) -> Entry:
        self._answer("listing")
        return super().find(model)

    def open(self, model: str | Entry) -> Artifact:
        self._answer(model if isinstance(model, str) else model.label)
        return super().open(model)

    def _answer(self, asked: str) -> None:
        self.calls[asked] += 1
        if asked in self.hanging:
            assert self._released.wait(10)


Test = Callable[[Gallery, HangingStore], Awaitable[None]]


def on_gallery(root: Path, test: Test) -> None:
    async def run(scheduler: Scheduler) -> None:
        store = HangingStore(root)
        loader = Engine(store, isa=None, threads=1)
        try:
            await test(Gallery(loader, loader.load_active(), scheduler, Metrics()), store)
        finally:
            store.release()

    on_scheduler(run)


async def free() -> None:
    """What loading costs who does not have to pay."""


async def times_out(call: Awaitable[object]) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(call, 0.1)


def test_a_load_that_hangs_holds_up_nothing_else(versions: Path) -> None:
    async def test(gallery: Gallery, store: HangingStore) -> None:
        store.hanging = {"partial@1"}
        await times_out(gallery.find("partial@1", free))
        began = time.perf_counter()
        with pytest.raises(Unknown, match="partial@9"):
            await gallery.find("partial@9", free)
        for unchanged in ("partial@10", "partial", "partial@active"):
            assert (await gallery.version("partial", unchanged)).label == "partial@10"
        assert (await gallery.find("partial@2", free)).model.label == "partial@2"
        await asyncio.gather(*(asyncio.to_thread(time.sleep, 0) for _ in range(8)))
        assert time.perf_counter() - began < 5

    on_gallery(versions, test)


def test_one_load_is_for_all_and_goes_on_without_them(versions: Path) -> None:
    paid: list[int] = []

    async def pay() -> None:
        await asyncio.sleep(0)
        paid.append(1)

    async def test(gallery: Gallery, store: HangingStore) -> None:
        store.hanging = {"partial@2"}
        await times_out(asyncio.gather(*(gallery.find("partial@2", pay) for _ in range(4))))
        await times_out(gallery.version("partial", "partial@2"))
        store.release()
        found = await gallery.find("partial@2", pay)
        assert gallery.serve(await gallery.version("partial", "partial@2")) is found
        assert (store.calls["partial@2"], len(paid)) == (1, 1)

    on_gallery(versions, test)


def test_a_load_that_fails_when_all_have_left_is_no_ones_error(versions: Path) -> None:
    async def test(gallery: Gallery, store: HangingStore) -> None:
        unseen: list[dict[str, object]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, told: unseen.append(told))
        damaged = versions / "partial" / "2.safetensors"
        damaged.write_bytes(damaged.read_bytes()[:-1])
        store.hanging = {"partial@2"}
        await times_out(gallery.find("partial@2", free))
        store.release()
        while gallery._loads:
            await asyncio.sleep(0.01)
        gc.collect()
        assert unseen == []

    on_gallery(versions, test)


def test_names_of_nothing_do_not_pile_up_at_a_store_that_hangs(
    versions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(gallery: Gallery, store: HangingStore) -> None:
        monkeypatch.setattr(engine, "FINDING_S", 0.2)
        store.hanging = {"listing"}
        asked = [gallery.find(f"partial@{version}", free) for version in range(100, 200)]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {Unavailable}
        store.release()
        monkeypatch.undo()  # this one is to be found, however long it takes
        await gallery.find("partial@2", free)
        assert store.calls["listing"] < 10

    on_gallery(versions, test)


def test_one_model_is_made_at_a_time(versions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    making: list[int] = []
    most: list[int] = []

    class Slow(engine.Generator):
        def __init__(self, *given: object) -> None:
            making.append(1)
            most.append(len(making))
            time.sleep(0.05)
            super().__init__(*given)
            making.pop()

    async def test(gallery: Gallery, store: HangingStore) -> None:
        monkeypatch.setattr(engine, "Generator", Slow)
        await asyncio.gather(*(gallery.find(f"partial@{version}", free) for version in (1, 2)))
        assert most == [1, 1]

    on_gallery(versions, test)


def test_what_is_held_is_active_or_one_of_a_few_guests(versions: Path) -> None:
    async def test(gallery: Gallery, store: HangingStore) -> None:
        for label in ("partial@1", "partial@2"):
            gallery.serve(await gallery.version("partial", label))
            assert gallery.named("partial") is await gallery.find(label, free)
        for label in ("partial@1", "partial@10", "partial@1"):
            await gallery.find(label, free)
        assert store.calls["partial@1"] == 2  # once to be active, once to be a guest
        with pytest.raises(OutOfRange, match="must be a version of float, not partial@1"):
            await gallery.version("float", "partial@1")
        with pytest.raises(Unknown, match="There is no variant 'nobody'"):
            await gallery.version("nobody", "partial@1")
        assert len(gallery._guests) == LARGEST_GUESTS

    on_gallery(versions, test)
