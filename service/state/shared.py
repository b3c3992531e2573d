"""State that replicas share through Redis. Without it images go on; votes say that they cannot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from time import time
from typing import Any, TypeAlias, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from service.state.batcher import Batcher
from service.state.breaker import Breaker
from service.state.interface import (
    RECHECK_S,
    Choice,
    State,
    StateUnavailableError,
    Tallies,
    Vote,
)
from service.state.memory import Allowance, RateLimits
from service.state.patience import within

Command: TypeAlias = Sequence[str | bytes | float]

PREFIX = "pbgen:"
ACTIVE = f"{PREFIX}active"  # hash: variant → label; also the channel that announces a change
TALLIES = f"{PREFIX}tallies"  # hash: "left right choice" → count
VOTES = f"{PREFIX}votes"  # stream: every vote in full
IMAGES = f"{PREFIX}images"  # sorted set: image key → time of last use
IMAGES_BYTES = f"{PREFIX}images:bytes"

# A vote and the mark of its token are kept together or not at all.
CAST = """
if not redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[1]) then return 0 end
redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
redis.call('XADD', KEYS[3], '*', 'vote', ARGV[3])
return 1
"""
# The generic cell rate algorithm, as in `memory.RateLimits`, by Redis's own clock.
CHARGE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local paid_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local wait = paid_at - now - ARGV[1]
if wait > 0 then return tostring(wait) end
paid_at = paid_at + ARGV[2]
local lasts = math.max(1, math.ceil((paid_at - now) * 1e3))
redis.call('SET', KEYS[1], string.format('%.6f', paid_at), 'PX', lasts)
return '0'
"""
# A cached image, which is now the one used last.
CACHED = """
local image = redis.call('GET', KEYS[1])
if image then redis.call('ZADD', KEYS[2], 'XX', ARGV[1], KEYS[1]) end
return image
"""
# Keeps an image; the ones used longest ago make room. One that is not there any more, evicted or
# deleted by others, has left its bytes in the sum, which is then taken anew.
CACHE = """
local function sum()
  local bytes = 0
  for _, key in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    local size = redis.call('STRLEN', key)
    if size == 0 then redis.call('ZREM', KEYS[1], key) end
    bytes = bytes + size
  end
  redis.call('SET', KEYS[2], bytes)
  return bytes
end
redis.call('DECRBY', KEYS[2], redis.call('STRLEN', ARGV[1]))
redis.call('SET', ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
local bytes = redis.call('INCRBY', KEYS[2], string.len(ARGV[2]))
while bytes > tonumber(ARGV[4]) do
  local oldest = redis.call('ZPOPMIN', KEYS[1])[1]
  local size = oldest and redis.call('STRLEN', oldest) or 0
  if size == 0 then
    bytes = sum()
  else
    bytes = redis.call('DECRBY', KEYS[2], size)
    redis.call('DEL', oldest)
  end
end
"""
# Keeps a swap and announces it.
ACTIVATE = """
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PUBLISH', KEYS[1], ARGV[1])
"""


class RedisState(State):
    """Every round trip takes at most `timeout_s`; after a few failed ones in a row, the calls that
    images can do without are not made for a while.

    While Redis is away, images are not cached, and each replica keeps the rate limits by itself.
    """

    def __init__(
        self, url: str, timeout_s: float, cache_bytes: int, allowance: Allowance | None
    ) -> None:
        self._breaker = Breaker()
        self._timeout_s = timeout_s
        self._cache_bytes = cache_bytes
        self._allowance = allowance
        self._own_limits = RateLimits(allowance)
        # The client's own time-outs would also count what holds up this process. In protocol 3 it
        # does not look whether Redis has closed a connection before it sends (redis-py 8.1).
        self._redis = Redis.from_url(
            url,
            protocol=2,
            socket_timeout=None,
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), 0),
        )
        self._batcher: Batcher[Command] = Batcher(self._round_trip)
        self._announcements = self._redis.pubsub(ignore_subscribe_messages=True)

    @property
    def is_left_alone(self) -> bool:
        return self._breaker.is_open

    async def close(self) -> None:
        await self._batcher.close()
        await self._announcements.aclose()  # type: ignore[no-untyped-call]
        await self._redis.aclose()

    async def cached(self, key: str) -> bytes | None:
        try:
            image = await self._try(_script(CACHED, [PREFIX + key, IMAGES], [time()]))
        except StateUnavailableError:
            return None
        return cast("bytes | None", image)

    async def cache(self, key: str, image: bytes) -> None:
        arguments: list[str | bytes | float] = [PREFIX + key, image, time(), self._cache_bytes]
        with suppress(StateUnavailableError):
            await self._try(_script(CACHE, [IMAGES, IMAGES_BYTES], arguments))

    async def charge(self, client: str, images: int) -> float:
        if self._allowance is None:
            return 0.0
        rate, burst = self._allowance.rate, self._allowance.burst
        script = _script(CHARGE, [f"{PREFIX}owed:{client}"], [burst / rate, images / rate])
        try:
            return float(await self._try(script))
        except StateUnavailableError:
            return self._own_limits.charge(client, images)

    async def cast(self, vote: Vote) -> bool:
        mark_ms = max(1, int((vote.expires_at - time() + 60) * 1000))
        keys = [f"{PREFIX}used:{vote.token_id}", TALLIES, VOTES]
        tally = f"{vote.left} {vote.right} {vote.choice}"
        script = _script(CAST, keys, [mark_ms, tally, json.dumps(asdict(vote))])
        return bool(await self._batcher.ask(script))

    async def tallies(self) -> Tallies:
        found = await self._batcher.ask(["HGETALL", TALLIES])
        tallies: dict[tuple[str, str, Choice], int] = {}
        for key, count in found.items():
            left, right, choice = key.decode().split(" ")
            tallies[left, right, choice] = int(count)
        return tallies

    async def active(self) -> Mapping[str, str]:
        found = await self._batcher.ask(["HGETALL", ACTIVE])
        return {variant.decode(): label.decode() for variant, label in found.items()}

    async def activate(self, variant: str, label: str) -> None:
        await self._batcher.ask(_script(ACTIVATE, [ACTIVE], [variant, label]))

    async def changed(self) -> bool:
        try:
            async with asyncio.timeout(2 * RECHECK_S):
                if not self._announcements.subscribed:
                    await self._announcements.subscribe(ACTIVE)
                return await self._announcements.get_message(timeout=RECHECK_S) is not None
        except (RedisError, OSError, TimeoutError):
            # The next call subscribes anew.
            await self._announcements.aclose()  # type: ignore[no-untyped-call]
            await asyncio.sleep(RECHECK_S)
            return False

    async def _try(self, command: Command) -> Any:
        """Asks for what can be done without, so not while the breaker is open."""
        if not self._breaker.permits():
            raise StateUnavailableError("Redis is left alone for a moment after failures")
        return await self._batcher.ask(command)

    async def _round_trip(self, commands: Sequence[Command]) -> Sequence[Any]:
        """The commands' answers, in one pipeline, and the breaker told how it went."""
        pipeline = self._redis.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        try:
            answers = await within(self._timeout_s, pipeline.execute(raise_on_error=False))
        except (RedisError, OSError, TimeoutError):
            self._breaker.failed()
            raise StateUnavailableError("Redis cannot be reached now") from None
        if any(isinstance(answer, RedisError) for answer in answers):
            self._breaker.failed()
        else:
            self._breaker.succeeded()
        return [
            StateUnavailableError("Redis refuses it now")
            if isinstance(answer, RedisError)
            else answer
            for answer in answers
        ]


def _script(text: str, keys: list[str], arguments: Sequence[str | bytes | float]) -> Command:
    # Whole, not by its digest: Redis compiles it once, and may forget digests.
    return ["EVAL", text, len(keys), *keys, *arguments]
