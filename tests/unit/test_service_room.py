"""The queue's places: fewer while the event loop comes late and refuses, then all again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from unittest import mock

import pytest

from service import room
from service.room import Room

LATE = 0.04  # seconds without the event loop: the tick within them comes late


def on_loop(test: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(test())


async def until(true: Callable[[], object]) -> None:
    """Lets the event loop run, a pass after the other, until it is true in one."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0)  # no timer


async def ticks() -> None:
    """Lets the event loop run for some ticks."""
    end = time.monotonic() + 0.05
    await until(lambda: time.monotonic() > end)


async def next_places(places: Room) -> int:
    """What the places change to, seen in the pass of the loop after the change."""
    before = places.places
    await until(lambda: places.places != before)
    return places.places


async def after_a_late_tick(places: Room, *, refused: bool = True) -> int:
    if refused:
        places.refuse()
    time.sleep(LATE)
    return await next_places(places)


@pytest.fixture
def never_late(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets no tick count as late from then on, however busy the machine is."""
    return lambda: monkeypatch.setattr(room, "LATE_S", 60.0)


@pytest.mark.parametrize(
    ("most", "fewer"),
    [
        (256, [128, 64, 32, 36]),  # halved as far as an eighth; then more again, by a 64th
        (64, [32, 16, 8, 9]),
        (20, [10, 5, 2, 3]),
        (8, [4, 2, 1, 2]),
        (3, [1, 2]),
        (2, [1, 2]),
    ],
)
def test_late_ticks_halve_the_places_down_to_an_eighth(most: int, fewer: list[int]) -> None:
    async def test() -> None:
        places = Room(most)
        assert places.places == most
        # At the last of them there is nothing left to halve: what is seen comes a tick later.
        assert [await after_a_late_tick(places) for _ in fewer] == fewer

    on_loop(test)


def test_a_late_tick_halves_once_however_many_were_refused() -> None:
    async def test() -> None:
        places = Room(64)
        for _ in range(1000):
            places.refuse()
        assert await after_a_late_tick(places) == 32
        assert await next_places(places) == 33

    on_loop(test)


def test_a_late_tick_without_refusals_halves_nothing() -> None:
    async def test() -> None:
        places = Room(64)
        assert await after_a_late_tick(places) == 32
        assert await after_a_late_tick(places, refused=False) == 33
        assert await after_a_late_tick(places) == 16

    on_loop(test)


def test_places_become_more_while_ticks_come_in_time(never_late: Callable[[], None]) -> None:
    async def test() -> None:
        places = Room(4)
        assert [await after_a_late_tick(places) for _ in range(2)] == [2, 1]
        never_late()
        assert await after_a_late_tick(places) == 2  # though there are refusals
        assert [await next_places(places) for _ in range(2)] == [3, 4]
        places.refuse()
        await ticks()
        assert places.places == 4  # and no more than that

    on_loop(test)


def test_one_place_stays_one() -> None:
    async def test() -> None:
        places = Room(1)
        places.refuse()
        time.sleep(LATE)
        seen = []

        def ticks_are_over() -> bool:
            seen.append(places.places)
            # The late tick is in the first pass, after the look in it.
            return len(seen) > 2 and time.monotonic() > end

        end = time.monotonic() + 0.05
        await until(ticks_are_over)
        assert set(seen) == {1}  # in every pass: the next tick would make up for a place lost

    on_loop(test)


def test_there_are_timers_only_while_something_may_change(never_late: Callable[[], None]) -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        with mock.patch.object(loop, "call_at", wraps=loop.call_at) as timers:
            places = Room(8)
            await ticks()
            assert timers.call_count == 0
            assert await after_a_late_tick(places) == 4
            places.refuse()
            places.refuse()
            assert timers.call_count == 2  # the one that was late, and one that was set then
            never_late()
            assert [await next_places(places) for _ in range(4)] == [5, 6, 7, 8]
            await ticks()
            assert timers.call_count == 5  # one for each change
            places.refuse()
            await until(lambda: timers.call_count > 6)
            await ticks()
            assert timers.call_count == 7  # that of the refusal, and one that finds no more of them
            assert places.places == 8

    on_loop(test)
