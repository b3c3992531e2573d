"""Calls that wait at the same time are made together: one round trip, or one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

Call = TypeVar("Call")
# Makes calls, in order, and tells what came of each: a result, or the exception to raise for it.
Make = Callable[[Sequence[Call]], Awaitable[Sequence[Any]]]


class Batcher(Generic[Call]):
    """Makes one batch at a time; what comes meanwhile is the next.

    If making a batch raises, those who came meanwhile have waited for the same fault and are told
    it too, so that nobody waits for one batch's failure after another's.
    """

    def __init__(self, make: Make[Call]) -> None:
        self._make = make
        self._waiting: list[tuple[Call, asyncio.Future[Any]]] = []
        self._making: asyncio.Task[None] | None = None

    async def ask(self, call: Call) -> Any:
        """The call's result. The call is made even if its caller has gone."""
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((call, answer))
        if self._making is None:
            self._making = asyncio.create_task(self._make_all())
        return await answer

    @property
    def is_making(self) -> bool:
        """Whether a batch is under way."""
        return self._making is not None

    async def close(self) -> None:
        """Waits for the calls under way."""
        if self._making is not None:
            await self._making

    async def _make_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            outcomes: Sequence[Any]
            try:
                outcomes = await self._make([call for call, _ in batch])
            except Exception as error:  # any at all: whoever waits must be told
                batch += self._waiting
                self._waiting = []
                outcomes = [error] * len(batch)
            for (_, answer), outcome in zip(batch, outcomes, strict=True):
                if answer.done():
                    continue
                if isinstance(outcome, Exception):
                    answer.set_exception(outcome)
                else:
                    answer.set_result(outcome)
        self._making = None
