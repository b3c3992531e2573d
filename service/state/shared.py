"""State that replicas share through Redis. Without it images go on; votes say that they cannot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Mapping
from dataclasses import asdict
from time import time
from typing import Any, TypeVar, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

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

T = TypeVar("T")

PREFIX = "pbgen:"
ACTIVE = f"{PREFIX}active"  # hash: variant → label; also the channel that announces a change
TALLIES = f"{PREFIX}tallies"  # hash: "left right choice" → count
VOTES = f"{PREFIX}votes"  # stream: every vote in full
IMAGES = f"{PREFIX}images"  # sorted set: image key → time of last use
IMAGES_BYTES = f"{PREFIX}images:bytes"
CONNECTIONS = 32  # beyond, calls wait for one another

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
redis.call('SET', KEYS[1], string.format('%.6f', paid_at), 'PX', math.ceil((paid_at - now) * 1e3))
return '0'
"""
# Keeps an image; the ones used longest ago make room.
CACHE = """
redis.call('DECRBY', KEYS[2], redis.call('STRLEN', ARGV[1]))
redis.call('SET', ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
local bytes = redis.call('INCRBY', KEYS[2], string.len(ARGV[2]))
while bytes > tonumber(ARGV[4]) do
  local oldest = redis.call('ZPOPMIN', KEYS[1])[1]
  if not oldest then break end
  bytes = redis.call('DECRBY', KEYS[2], redis.call('STRLEN', oldest))
  redis.call('DEL', oldest)
end
"""


class RedisState(State):
    """Every call takes at most `timeout_s`; after a few failures in a row none is made for a while.

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
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = Redis.from_pool(pool)
        self._cast = self._redis.register_script(CAST)
        self._charge = self._redis.register_script(CHARGE)
        self._cache = self._redis.register_script(CACHE)
        self._announcements = self._redis.pubsub(ignore_subscribe_messages=True)

    @property
    def is_left_alone(self) -> bool:
        return self._breaker.is_open

    async def close(self) -> None:
        await self._announcements.aclose()  # type: ignore[no-untyped-call]
        await self._redis.aclose()

    async def cached(self, key: str) -> bytes | None:
        try:
            image = await self._try(self._redis.get(PREFIX + key))
            if image is not None:
                await self._try(self._redis.zadd(IMAGES, {PREFIX + key: time()}, xx=True))
        except StateUnavailableError:
            return None
        return cast("bytes | None", image)

    async def cache(self, key: str, image: bytes) -> None:
        arguments: list[str | bytes | float] = [PREFIX + key, image, time(), self._cache_bytes]
        try:
            await self._try(self._cache(keys=[IMAGES, IMAGES_BYTES], args=arguments))
        except StateUnavailableError:
            return

    async def charge(self, client: str, images: int) -> float:
        if self._allowance is None:
            return 0.0
        burst_s, cost_s = (
            self._allowance.burst / self._allowance.rate,
            images / self._allowance.rate,
        )
        try:
            script = self._charge(keys=[f"{PREFIX}owed:{client}"], args=[burst_s, cost_s])
            return float(await self._try(script))
        except StateUnavailableError:
            return self._own_limits.charge(client, images)

    async def cast(self, vote: Vote) -> bool:
        mark_ms = max(1, int((vote.expires_at - time() + 60) * 1000))
        script = self._cast(
            keys=[f"{PREFIX}used:{vote.token_id}", TALLIES, VOTES],
            args=[mark_ms, f"{vote.left} {vote.right} {vote.choice}", json.dumps(asdict(vote))],
        )
        return bool(await self._try(script))

    async def tallies(self) -> Tallies:
        found = await self._try(self._redis.hgetall(TALLIES))
        tallies: dict[tuple[str, str, Choice], int] = {}
        for key, count in found.items():
            left, right, choice = key.decode().split(" ")
            tallies[left, right, choice] = int(count)
        return tallies

    async def active(self) -> Mapping[str, str]:
        found = await self._try(self._redis.hgetall(ACTIVE))
        return {variant.decode(): label.decode() for variant, label in found.items()}

    async def activate(self, variant: str, label: str) -> None:
        async with self._redis.pipeline(transaction=True) as both:
            both.hset(ACTIVE, variant, label)
            both.publish(ACTIVE, variant)
            await self._try(both.execute())

    async def changed(self) -> bool:
        try:
            async with asyncio.timeout(RECHECK_S + 2 * self._timeout_s):
                if not self._announcements.subscribed:
                    await self._announcements.subscribe(ACTIVE)
                return await self._announcements.get_message(timeout=RECHECK_S) is not None
        except (RedisError, OSError, TimeoutError):
            # The next call subscribes anew.
            await self._announcements.aclose()  # type: ignore[no-untyped-call]
            await asyncio.sleep(RECHECK_S)
            return False

    async def _try(self, call: Awaitable[Any]) -> Any:
        if not self._breaker.permits():
            if asyncio.iscoroutine(call):
                call.close()
            raise StateUnavailableError("Redis is left alone for a moment after failures")
        try:
            # The client's own time-outs are for each read and write; this one is for the whole.
            result = await asyncio.wait_for(call, self._timeout_s)
        except (RedisError, OSError, TimeoutError):
            self._breaker.failed()
            raise StateUnavailableError("Redis cannot be reached now") from None
        self._breaker.succeeded()
        return result
