"""Clients of the service, sync and async; `calls` says what each call sends and reads."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from types import TracebackType
from typing import Any, TypeVar

import httpx
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from pbgen import calls
from pbgen.calls import Call, Choice, Comparison, Images, Pair
from pbgen.errors import ServiceError
from pbgen.tarstream import Reader

T = TypeVar("T")
DEFAULT_URL = "http://127.0.0.1:8000"


def _options(url: str | None, key: str | None, timeout_s: float) -> dict[str, Any]:
    """What httpx's clients take, from arguments or else from PBGEN_URL and PBGEN_KEY."""
    key = key or os.environ.get("PBGEN_KEY")
    return {
        "base_url": url or os.environ.get("PBGEN_URL") or DEFAULT_URL,
        "headers": {"Authorization": f"Bearer {key}"} if key else {},
        "timeout": timeout_s,
    }


def _request(call: Call[Any]) -> dict[str, Any]:
    return {"method": call.method, "url": call.path, "params": call.query, "json": call.body}


def _wait_s(answer: httpx.Response, body: bytes, retries_left: int) -> float | None:
    """None for a good answer; else how long to wait before asking again.

    Raises ServiceError where asking again is not wanted, or not said to help.
    """
    if answer.is_success:
        return None
    error = ServiceError.of_answer(answer.status_code, answer.reason_phrase, answer.headers, body)
    if retries_left <= 0 or error.retry_after_s is None:
        raise error
    return error.retry_after_s


class Client:
    """A service's calls as methods; use it in a `with`.

    url        the service (default: $PBGEN_URL, else http://127.0.0.1:8000)
    key        an API key (default: $PBGEN_KEY, else none)
    timeout_s  for connecting, and for each wait on the network
    retries    how often to ask again where the service says Retry-After

    Methods raise ServiceError for what the service refuses, httpx.TransportError where it cannot be
    reached.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        key: str | None = None,
        timeout_s: float = 30.0,
        retries: int = 0,
    ) -> None:
        self._http = httpx.Client(**_options(url, key, timeout_s))
        self._retries = retries

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def generate(
        self,
        variant: str = "partial",
        *,
        seed: int | None = None,
        count: int = 1,
        latents: ArrayLike | None = None,
        interpolate: tuple[int, int, int] | None = None,
    ) -> Images:
        """Images u8 [N, size, size, 3] of a seed and the next ones, of latents f [N, dim] in
        −1 … 1, or on the way between two seeds: (from, to, steps)."""
        return self._run(calls.generate(variant, seed, count, latents, interpolate))

    def compare(
        self,
        variants: Sequence[str] = ("float", "partial"),
        *,
        seed: int | None = None,
        count: int = 8,
    ) -> Comparison:
        """The same seeds by two or three variants, each measured."""
        return self._run(calls.compare(variants, seed, count))

    def image(self, variant: str, seed: int) -> Image.Image:
        """One image, which caches on the way may keep."""
        return self._run(calls.image(variant, seed))

    def pair(self) -> Pair:
        """Two images to choose from, blind."""
        return self._run(calls.pair())

    def vote(self, pair: Pair, choice: Choice) -> dict[str, Any]:
        """Votes, once a pair; tells which variants they were."""
        return self._run(calls.vote(pair.token, choice))

    def results(self) -> dict[str, Any]:
        """Win rates and ratings, with 95 % intervals."""
        return self._run(calls.results())

    def variants(self) -> list[dict[str, Any]]:
        """What is served: model, layers, bytes, distance to real faces."""
        return self._run(calls.variants())

    def models(self) -> list[dict[str, Any]]:
        """What is stored."""
        return self._run(calls.models())

    def swap(self, variant: str, model: str) -> dict[str, Any]:
        """Serves another stored version, `name@version`; needs a key with the scope admin."""
        return self._run(calls.swap(variant, model))

    def stream(
        self, variant: str = "partial", *, seed: int | None = None, count: int = 1000
    ) -> Iterator[NDArray[np.uint8]]:
        """Images u8 [size, size, 3] of consecutive seeds, as they arrive; memory stays constant.

        Raises ConnectionError where the stream is cut off."""
        call, left = calls.stream(variant, seed, count), self._retries
        while True:
            with self._http.stream(**_request(call)) as answer:
                body = b"" if answer.is_success else answer.read()
                wait_s = _wait_s(answer, body, left)
                if wait_s is None:
                    reader = Reader()
                    for piece in answer.iter_bytes():
                        yield from reader.feed(piece)
                    reader.close()
                    return
            left -= 1
            time.sleep(wait_s)

    def _run(self, call: Call[T]) -> T:
        left = self._retries
        while True:
            answer = self._http.request(**_request(call))
            wait_s = _wait_s(answer, answer.content, left)
            if wait_s is None:
                return call.read(answer.content)
            left -= 1
            time.sleep(wait_s)


class AsyncClient:
    """The same calls as `Client`, awaited."""

    def __init__(
        self,
        url: str | None = None,
        *,
        key: str | None = None,
        timeout_s: float = 30.0,
        retries: int = 0,
    ) -> None:
        self._http = httpx.AsyncClient(**_options(url, key, timeout_s))
        self._retries = retries

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def generate(
        self,
        variant: str = "partial",
        *,
        seed: int | None = None,
        count: int = 1,
        latents: ArrayLike | None = None,
        interpolate: tuple[int, int, int] | None = None,
    ) -> Images:
        """Images u8 [N, size, size, 3] of a seed and the next ones, of latents f [N, dim] in
        −1 … 1, or on the way between two seeds: (from, to, steps)."""
        return await self._run(calls.generate(variant, seed, count, latents, interpolate))

    async def compare(
        self,
        variants: Sequence[str] = ("float", "partial"),
        *,
        seed: int | None = None,
        count: int = 8,
    ) -> Comparison:
        """The same seeds by two or three variants, each measured."""
        return await self._run(calls.compare(variants, seed, count))

    async def image(self, variant: str, seed: int) -> Image.Image:
        """One image, which caches on the way may keep."""
        return await self._run(calls.image(variant, seed))

    async def pair(self) -> Pair:
        """Two images to choose from, blind."""
        return await self._run(calls.pair())

    async def vote(self, pair: Pair, choice: Choice) -> dict[str, Any]:
        """Votes, once a pair; tells which variants they were."""
        return await self._run(calls.vote(pair.token, choice))

    async def results(self) -> dict[str, Any]:
        """Win rates and ratings, with 95 % intervals."""
        return await self._run(calls.results())

    async def variants(self) -> list[dict[str, Any]]:
        """What is served: model, layers, bytes, distance to real faces."""
        return await self._run(calls.variants())

    async def models(self) -> list[dict[str, Any]]:
        """What is stored."""
        return await self._run(calls.models())

    async def swap(self, variant: str, model: str) -> dict[str, Any]:
        """Serves another stored version, `name@version`; needs a key with the scope admin."""
        return await self._run(calls.swap(variant, model))

    async def stream(
        self, variant: str = "partial", *, seed: int | None = None, count: int = 1000
    ) -> AsyncIterator[NDArray[np.uint8]]:
        """Images u8 [size, size, 3] of consecutive seeds, as they arrive; memory stays constant.

        Raises ConnectionError where the stream is cut off."""
        call, left = calls.stream(variant, seed, count), self._retries
        while True:
            async with self._http.stream(**_request(call)) as answer:
                body = b"" if answer.is_success else await answer.aread()
                wait_s = _wait_s(answer, body, left)
                if wait_s is None:
                    reader = Reader()
                    async for piece in answer.aiter_bytes():
                        for image in reader.feed(piece):
                            yield image
                    reader.close()
                    return
            left -= 1
            await asyncio.sleep(wait_s)

    async def _run(self, call: Call[T]) -> T:
        left = self._retries
        while True:
            answer = await self._http.request(**_request(call))
            wait_s = _wait_s(answer, answer.content, left)
            if wait_s is None:
                return call.read(answer.content)
            left -= 1
            await asyncio.sleep(wait_s)
