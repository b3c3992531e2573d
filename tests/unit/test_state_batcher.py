"""What both homes of state are built on: calls made together, and a time-out in turns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from service.state.batcher import Batcher
from service.state.patience import TURNS, within


class Maker:
    """Doubles numbers, a batch at a time while it may; fails for a batch with a negative one."""

    def __init__(self, *, is_held: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.may_go_on = asyncio.Event()
        if not is_held:
            self.may_go_on.set()

    async def begins(self) -> None:
        """Waits until a batch is under way."""
        while not self.batches:
            await asyncio.sleep(0)

    async def make(self, calls: Sequence[int]) -> Sequence[Any]:
        self.batches.append(list(calls))
        await asyncio.sleep(0)
        await self.may_go_on.wait()
        if min(calls) < 0:
            raise OSError("negative")
        return [ValueError("zero") if call == 0 else 2 * call for call in calls]


async def answers(batcher: Batcher[int], *calls: int) -> list[Any]:
    return await asyncio.gather(*map(batcher.ask, calls), return_exceptions=True)


def kinds(outcomes: list[Any]) -> list[type]:
    return [type(each) for each in outcomes]


def test_what_waits_together_is_made_together() -> None:
    async def test() -> None:
        maker = Maker(is_held=True)
        batcher = Batcher(maker.make)
        first = asyncio.create_task(batcher.ask(1))
        await maker.begins()
        others = asyncio.create_task(answers(batcher, 2, 3, 4))
        await asyncio.sleep(0)  # it begins
        await asyncio.sleep(0)  # all of it have asked
        maker.may_go_on.set()
        assert await others == [4, 6, 8]
        assert await first == 2
        assert await batcher.ask(5) == 10
        assert maker.batches == [[1], [2, 3, 4], [5]]

    asyncio.run(test())


def test_one_call_may_fail_alone() -> None:
    async def test() -> None:
        assert kinds(await answers(Batcher(Maker().make), 1, 0, 2)) == [int, ValueError, int]

    asyncio.run(test())


def test_who_came_during_a_batch_that_fails_fails_with_it() -> None:
    async def test() -> None:
        maker = Maker(is_held=True)
        batcher = Batcher(maker.make)
        first = asyncio.create_task(answers(batcher, -1, 1))
        await maker.begins()
        second = asyncio.create_task(answers(batcher, 2, 3))
        await asyncio.sleep(0)  # it begins
        await asyncio.sleep(0)  # both of it have asked
        maker.may_go_on.set()
        assert kinds(await second) == [OSError, OSError]
        assert kinds(await first) == [OSError, OSError]
        assert await batcher.ask(4) == 8
        assert maker.batches == [[-1, 1], [4]]

    asyncio.run(test())


def test_a_caller_that_goes_harms_no_other() -> None:
    async def test() -> None:
        maker = Maker(is_held=True)
        batcher = Batcher(maker.make)
        gone = asyncio.create_task(batcher.ask(1))
        stays = asyncio.create_task(batcher.ask(2))
        await maker.begins()
        gone.cancel()
        maker.may_go_on.set()
        assert await stays == 4
        assert gone.cancelled()

    asyncio.run(test())


def test_closing_waits_for_what_is_under_way() -> None:
    async def test() -> None:
        maker = Maker()
        batcher = Batcher(maker.make)
        asked = asyncio.create_task(batcher.ask(1))
        await asyncio.sleep(0)
        await batcher.close()
        assert await asked == 2

    asyncio.run(test())


# -- Patience -------------------------------------------------------------------------------------


def taken_s(call: Coroutine[Any, Any, Any], timeout_s: float) -> float:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(within(timeout_s, call))
    return time.monotonic() - began


def test_what_takes_too_long_is_given_up_and_ended() -> None:
    ended = []

    async def hang() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    assert 0.099 <= taken_s(hang(), 0.1) < 10  # it would be 60
    assert ended


def test_a_loop_that_was_held_up_uses_up_one_turn() -> None:
    async def answer() -> str:
        await asyncio.sleep(0.05)
        return "answer"

    async def test() -> None:
        asyncio.get_running_loop().call_later(0.01, time.sleep, 0.3)
        assert await within(0.1, answer()) == "answer"

    asyncio.run(test())


def test_a_loop_that_is_held_up_again_and_again_gives_a_call_its_turns() -> None:
    async def in_turns(count: int) -> int:
        for _ in range(count):
            await asyncio.sleep(0)
        return count

    async def test() -> None:
        loop = asyncio.get_running_loop()

        def hold_up() -> None:
            time.sleep(0.03)
            loop.call_soon(hold_up)

        hold_up()
        assert await within(0.1, in_turns(TURNS)) == TURNS

    asyncio.run(test())


def test_an_error_is_the_calls_own() -> None:
    async def fail() -> None:
        raise ValueError("its own")

    with pytest.raises(ValueError, match="its own"):
        asyncio.run(within(1.0, fail()))
