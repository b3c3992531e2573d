"""The parts that state is made of, and both its homes against one contract."""

from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.state import State, StateUnavailableError, Vote
from service.state.breaker import FAILURES, PAUSE_S, Breaker
from service.state.embedded import EmbeddedState
from service.state.memory import Allowance, ImageCache, RateLimits
from service.state.shared import PREFIX, RedisState
from tests.redis_server import RedisServer, needs_redis, redis_server

ALLOWANCE = Allowance(rate=10.0, burst=5)
CACHE_BYTES = 1000


class Clock:
    """Time that moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def a_vote(token_id: str = "t", choice: str = "left") -> Vote:
    return Vote(token_id, time.time() + 60, "float", "partial", "float@1", "partial@2", 7, choice)


# -- Images ---------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 50)), max_size=40))
def test_the_cache_stays_within_its_bound_and_keeps_the_latest(puts: list) -> None:
    cache = ImageCache(100)
    for key, size in puts:
        cache.put(key, bytes(size))
        assert cache.get(key) == bytes(size)  # none is larger than the bound
        assert cache.bytes <= 100
    kept = [key for key in "abcdef" if cache.get(key) is not None]
    assert cache.bytes == sum(len(cache.get(key)) for key in kept)


def test_what_was_used_last_stays() -> None:
    cache = ImageCache(30)
    for key in "abc":
        cache.put(key, bytes(10))
    cache.get("a")
    cache.put("d", bytes(10))
    assert [cache.get(key) is not None for key in "abcd"] == [True, False, True, True]
    cache.put("huge", bytes(31))
    assert cache.get("huge") is None


# -- Rate limits ----------------------------------------------------------------------------------


def test_a_client_pays_afterwards() -> None:
    clock = Clock()
    limits = RateLimits(ALLOWANCE, clock)
    assert limits.charge("a", 64) == 0  # owes 6.4 s; 0.5 s may be owed
    assert limits.charge("a", 1) == pytest.approx(5.9)
    assert limits.charge("b", 1) == 0
    clock.now += 5.9 + 1e-6
    assert limits.charge("a", 1) == 0
    assert limits.charge("a", 1) == pytest.approx(0.1, abs=1e-4)


def test_the_long_run_rate_is_the_allowed_one() -> None:
    clock = Clock()
    limits = RateLimits(ALLOWANCE, clock)
    passed = 0
    for _ in range(2000):
        passed += limits.charge("a", 1) == 0
        clock.now += 0.01
    assert passed == pytest.approx(20 * ALLOWANCE.rate + ALLOWANCE.burst, abs=1)


def test_clients_that_owe_nothing_are_forgotten() -> None:
    clock = Clock()
    limits = RateLimits(ALLOWANCE, clock)
    for i in range(100):
        limits.charge(f"client {i}", 1)
    clock.now += 60
    limits.charge("last", 1)
    assert len(limits._paid_at) == 1


# -- Breaker --------------------------------------------------------------------------------------


def test_a_breaker_opens_pauses_tries_once_and_heals() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        assert breaker.permits()
        breaker.failed()
    assert breaker.is_open
    assert not breaker.permits()
    clock.now += PAUSE_S
    assert breaker.permits()
    assert not breaker.permits()  # one tries for all
    breaker.failed()
    assert not breaker.permits()
    clock.now += PAUSE_S
    assert breaker.permits()
    breaker.succeeded()
    assert not breaker.is_open
    assert breaker.permits()
    assert breaker.permits()


# -- Both homes -----------------------------------------------------------------------------------

Open = Callable[[], State]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["embedded", pytest.param("redis", marks=needs_redis)])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens a state that is empty at first; a second one sees what the first one kept."""
    if request.param == "embedded":
        return lambda: EmbeddedState(tmp_path / "data", CACHE_BYTES, ALLOWANCE)
    server: RedisServer = request.getfixturevalue("redis")
    database = f"{server.url[:-1]}{next(DATABASES)}"
    return lambda: RedisState(database, 5.0, CACHE_BYTES, ALLOWANCE)


DATABASES = iter(range(16))


def with_state(home: Open, test: Callable[[State], Awaitable[None]]) -> None:
    async def run() -> None:
        state = home()
        try:
            await test(state)
        finally:
            await state.close()

    asyncio.run(run())


def test_a_token_votes_once_and_votes_last(home: Open) -> None:
    async def first(state: State) -> None:
        assert await state.tallies() == {}
        assert await state.cast(a_vote("1"))
        assert not await state.cast(a_vote("1", "right"))
        assert await state.cast(a_vote("2"))
        assert await state.cast(dataclasses.replace(a_vote("3", "tie"), seed=2**64 - 1))

    async def second(state: State) -> None:
        assert await state.tallies() == {
            ("float", "partial", "left"): 2,
            ("float", "partial", "tie"): 1,
        }
        assert not await state.cast(a_vote("2"))

    with_state(home, first)
    with_state(home, second)


def test_many_calls_at_once_all_come_through(home: Open) -> None:
    async def test(state: State) -> None:
        votes = (state.cast(a_vote(str(i))) for i in range(200))
        assert all(await asyncio.gather(*votes))
        assert not state.is_left_alone

    with_state(home, test)


def test_activated_versions_last(home: Open) -> None:
    async def first(state: State) -> None:
        assert await state.active() == {}
        await state.activate("partial", "partial@2")
        await state.activate("partial", "partial@3")
        await state.activate("full", "full@1")

    async def second(state: State) -> None:
        assert await state.active() == {"partial": "partial@3", "full": "full@1"}

    with_state(home, first)
    with_state(home, second)


def test_images_are_kept_within_the_bound(home: Open) -> None:
    async def test(state: State) -> None:
        assert await state.cached("a") is None
        for key in "abc":
            await state.cache(key, key.encode() * 400)
        assert await state.cached("a") is None  # made room
        assert await state.cached("b") == b"b" * 400
        await state.cache("b", b"B" * 300)
        await state.cache("d", b"d" * 400)  # the one used longest ago is c
        assert [await state.cached(key) is not None for key in "bcd"] == [True, False, True]

    with_state(home, test)


def test_allowances(home: Open) -> None:
    async def test(state: State) -> None:
        began = time.monotonic()
        assert await state.charge("a", 64) == 0
        wait_s = await state.charge("a", 1)
        took_s = time.monotonic() - began
        assert 5.9 - took_s - 1e-3 <= wait_s <= 5.9 + 1e-3
        assert await state.charge("b", 1) == 0

    with_state(home, test)


@needs_redis
def test_the_cache_heals_when_redis_has_evicted_images(redis: RedisServer) -> None:
    async def test() -> None:
        state = RedisState(redis.url, 5.0, CACHE_BYTES, None)
        await state.cache("a", b"a" * 900)
        await state._try(("DEL", f"{PREFIX}a"))  # as an eviction does
        await state.cache("b", b"b" * 900)
        await state.cache("c", b"c" * 900)
        assert await state.cached("c") == b"c" * 900
        await state.close()

    asyncio.run(test())


@needs_redis
def test_an_allowance_without_measure_opens_no_breaker(redis: RedisServer) -> None:
    async def test() -> None:
        state = RedisState(redis.url, 5.0, CACHE_BYTES, Allowance(rate=1e12, burst=5))
        for _ in range(FAILURES + 1):  # a client of this test only: its database is shared
            assert await state.charge("unmeasured", 1) == 0
        assert not state.is_left_alone
        await state.close()

    asyncio.run(test())


@needs_redis
def test_a_swap_is_announced_to_others(redis: RedisServer) -> None:
    async def test() -> None:
        ours, theirs = (RedisState(redis.url, 5.0, CACHE_BYTES, None) for _ in range(2))
        while await theirs.changed() or not theirs._announcements.subscribed:
            pass  # until it listens, and nothing is announced
        await ours.activate("partial", "partial@9")
        assert await theirs.changed()
        assert (await theirs.active())["partial"] == "partial@9"
        await ours.close()
        await theirs.close()

    asyncio.run(test())


def test_a_data_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateUnavailableError, match="PBGEN_DATA"):
        EmbeddedState(tmp_path / "file" / "data", CACHE_BYTES, None)


def test_a_locked_database_is_unavailable_not_lost(tmp_path: Path) -> None:
    async def test(state: State) -> None:
        other = sqlite3.connect(tmp_path / "data" / "pbgen.sqlite3", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StateUnavailableError):
            await state.cast(a_vote())
        other.execute("ROLLBACK")
        other.close()
        assert await state.cast(a_vote())

    with_state(lambda: EmbeddedState(tmp_path / "data", CACHE_BYTES, None), test)
