"""State under stalls: whose fault they are, what they cost, and what they may not lose."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvloop

from service.state import State, StateUnavailableError, Vote, embedded
from service.state.breaker import FAILURES, PAUSE_S
from service.state.embedded import BUSY_S, FILE, EmbeddedState
from service.state.memory import Allowance
from service.state.shared import RedisState
from tests.redis_server import RedisServer, needs_redis, redis_server

TIMEOUT_S = 0.3
Run = Callable[[Awaitable[None]], None]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


@pytest.fixture(params=[asyncio, uvloop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a test in one kind of event loop: they look at timers and sockets in other orders."""
    return request.param.run


def state_in(redis: RedisServer) -> RedisState:
    return RedisState(redis.url, TIMEOUT_S, 10**6, Allowance(rate=1e6, burst=10**6))


def a_vote(token_id: int) -> Vote:
    expires_at = time.time() + 60
    return Vote(str(token_id), expires_at, "float", "partial", "float@1", "partial@2", 7, "left")


async def votes_kept(state: State) -> int:
    return sum((await state.tallies()).values())


# -- Redis ----------------------------------------------------------------------------------------


@needs_redis
@pytest.mark.parametrize("connected", [False, True])
def test_our_own_stall_opens_no_breaker_and_loses_no_vote(
    redis: RedisServer, run: Run, connected: bool
) -> None:
    async def test() -> None:
        state = state_in(redis)
        if connected:
            await state.active()
        for stall in range(4):
            calls = [state.cast(a_vote(50 * stall + i)) for i in range(50)]
            calls += [state.charge("client", 1) for _ in range(50)]
            waiting = asyncio.gather(*calls)
            for _ in range(1 + stall):  # each time at another place of the round trip
                await asyncio.sleep(0)
            time.sleep(2 * TIMEOUT_S)
            assert await waiting == [True] * 50 + [0.0] * 50
            assert state._breaker._failures == 0
        assert await votes_kept(state) == 200
        await state.close()

    run(test())


@needs_redis
def test_many_calls_at_once_open_no_breaker(redis: RedisServer, run: Run) -> None:
    async def test() -> None:
        state = state_in(redis)
        calls = [state.cast(a_vote(i)) for i in range(250)]
        calls += [state.charge("client", 1) for _ in range(250)]
        assert await asyncio.gather(*calls) == [True] * 250 + [0.0] * 250
        assert state._breaker._failures == 0
        # The client owes what Redis was told, not what this replica would remember.
        assert not state._own_limits._paid_at
        await state.close()

    run(test())


@needs_redis
def test_a_hung_redis_is_soon_left_alone_and_costs_little(redis: RedisServer, run: Run) -> None:
    async def test() -> None:
        state = state_in(redis)
        await state.active()
        redis.pause()
        breaker = state._breaker

        async def ask_on(i: int) -> None:
            await asyncio.sleep(i / 50 * TIMEOUT_S / 2)  # most come while others wait
            while not state.is_left_alone:
                before = breaker._failures
                assert await state.charge("client", 1) == 0  # by this replica's own reckoning
                assert breaker._failures - before <= 1  # one time-out is waited for, and no other's

        await asyncio.gather(*(ask_on(i) for i in range(50)))
        assert breaker._failures == FAILURES  # so that many time-outs in all
        asked = time.monotonic()
        for _ in range(50):
            assert await state.cached("image") is None
        assert breaker._failures - FAILURES <= (time.monotonic() - asked) / PAUSE_S + 1
        redis.resume()
        await state.close()

    run(test())


@needs_redis
def test_a_vote_is_tried_though_redis_is_left_alone(redis: RedisServer, run: Run) -> None:
    async def test() -> None:
        state = state_in(redis)
        redis.pause()
        for i in range(FAILURES):
            with pytest.raises(StateUnavailableError):
                await state.cast(a_vote(i))
        assert state.is_left_alone
        with pytest.raises(StateUnavailableError):
            await state.cast(a_vote(FAILURES))
        assert state._breaker._failures == FAILURES + 1
        redis.resume()
        assert await state.cast(a_vote(FAILURES + 1))  # no pause has to pass
        assert not state.is_left_alone
        await state.close()

    run(test())


@needs_redis
def test_a_redis_that_was_started_anew_loses_no_vote(redis: RedisServer, run: Run) -> None:
    async def test() -> None:
        state = state_in(redis)
        assert await state.cast(a_vote(0))
        redis.kill()
        await asyncio.to_thread(redis.start)
        assert await state.cast(a_vote(1))
        assert await votes_kept(state) == 2
        await state.close()

    run(test())


@needs_redis
def test_a_redis_that_refuses_is_left_alone(redis: RedisServer, run: Run) -> None:
    async def test() -> None:
        state = state_in(redis)
        await state._redis.config_set("maxmemory", 1)
        for i in range(FAILURES):
            with pytest.raises(StateUnavailableError, match="refuses"):
                await state.cast(a_vote(i))
        assert state.is_left_alone
        await state._redis.config_set("maxmemory", 0)
        assert await state.cast(a_vote(0))
        await state.close()

    run(test())


# -- SQLite ---------------------------------------------------------------------------------------

LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another process writes, and does not come to an end."""
    command = [sys.executable, "-c", LOCK, str(database)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout.readline() == "locked\n"
        try:
            yield
        finally:
            process.kill()


def test_votes_that_wait_for_a_lock_wait_together_and_reads_do_not(tmp_path: Path) -> None:
    async def test() -> None:
        state = EmbeddedState(tmp_path, 10**6, None)
        assert await state.cast(a_vote(0))
        with locked(tmp_path / FILE):
            began = time.monotonic()
            votes = []
            for i in range(1, 8):
                votes.append(asyncio.create_task(state.cast(a_vote(i))))
                await asyncio.sleep(0.05)
            assert await votes_kept(state) == 1
            assert await state.active() == {}
            assert time.monotonic() - began < BUSY_S
            outcomes = await asyncio.gather(*votes, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} == {StateUnavailableError}
            assert time.monotonic() - began < 1.9 * BUSY_S
        assert all(await asyncio.gather(*(state.cast(a_vote(i)) for i in range(1, 8))))
        assert await votes_kept(state) == 8
        await state.close()

    asyncio.run(test())


def test_a_vote_outlives_a_short_lock(tmp_path: Path) -> None:
    async def test() -> None:
        state = EmbeddedState(tmp_path, 10**6, None)
        other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        vote = asyncio.create_task(state.cast(a_vote(0)))
        await asyncio.sleep(BUSY_S / 8)
        other.execute("ROLLBACK")
        assert await vote
        other.close()
        await state.close()

    asyncio.run(test())


def on_a_hanging_disk(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[EmbeddedState, asyncio.Task[bool], threading.Event]:
    """A state, a call that its disk does not answer, and what lets the disk go on."""
    monkeypatch.setattr(embedded, "HUNG_S", 0.3)
    state, back = EmbeddedState(folder, 10**6, None), threading.Event()
    return state, asyncio.create_task(state._writer.ask(lambda _: back.wait())), back


def test_a_vote_does_not_wait_for_a_disk_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        state, hangs, back = on_a_hanging_disk(tmp_path, monkeypatch)
        await asyncio.sleep(0.05)
        with pytest.raises(StateUnavailableError, match="does not answer"):
            await state.cast(a_vote(0))  # behind it
        with pytest.raises(StateUnavailableError):
            await hangs
        monkeypatch.setattr(embedded, "HUNG_S", 60.0)
        with pytest.raises(StateUnavailableError):  # at once, since it hangs
            await asyncio.wait_for(state.activate("partial", "partial@2"), 20)
        assert await votes_kept(state) == 0  # reads have a thread of their own
        back.set()
        while state._writer._hangs:
            await asyncio.sleep(0.01)
        assert await state.cast(a_vote(0))  # what was told that it failed was not kept
        assert await votes_kept(state) == 1
        assert await state.active() == {}
        await state.close()

    asyncio.run(test())


def test_an_answer_that_comes_as_patience_ends_leaves_no_hung_disk_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_late(_: float, call: Awaitable[object]) -> None:
        await call
        raise TimeoutError

    async def test() -> None:
        state = EmbeddedState(tmp_path, 10**6, None)
        with monkeypatch.context() as patched:
            patched.setattr(embedded, "within", too_late)
            with pytest.raises(StateUnavailableError):
                await state.cast(a_vote(0))
        assert await state.cast(a_vote(1))
        await state.close()

    asyncio.run(test())


def test_a_disk_that_hangs_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        state, hangs, back = on_a_hanging_disk(tmp_path, monkeypatch)
        with pytest.raises(StateUnavailableError):
            await hangs
        await asyncio.wait_for(state.close(), 30)
        back.set()

    asyncio.run(test())
