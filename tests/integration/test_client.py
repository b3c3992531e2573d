"""The Python client against the real service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pbgen import AsyncClient, Client, ServiceError
from pbgen.tarstream import Reader
from service.keys import Key, hash_key
from tests.serving import serving

KEY = "a-key-of-the-tests"


@pytest.fixture(scope="module")
def url(random_store: Path) -> Iterator[str]:
    key = Key(name="tests", sha256=hash_key(KEY), scopes=frozenset({"admin"}))
    keys = json.dumps([key.model_dump(mode="json")])
    with serving(store=random_store, threads=1, api_keys=keys) as server:
        yield server.url


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Client]:
    with Client(url, key=KEY) as client:
        yield client


def test_images_of_seeds_latents_and_ways(client: Client) -> None:
    images = client.generate("full", seed=3, count=4)
    assert (images.dtype, images.shape) == (np.uint8, (4, 16, 16, 3))
    np.testing.assert_array_equal(client.generate("full", seed=4), images[1:2])
    np.testing.assert_array_equal(np.asarray(client.image("full", 3)), images[0])
    way = client.generate("full", interpolate=(3, 4, 5))
    np.testing.assert_array_equal(way[[0, -1]], images[:2])
    dim = client.variants()[0]["latent_dim"]
    assert client.generate(latents=np.zeros((2, dim))).shape == (2, 16, 16, 3)


def test_a_stream_is_the_same_images(client: Client) -> None:
    streamed = np.stack(list(client.stream("full", seed=3, count=70)))
    assert len(streamed) == 70
    np.testing.assert_array_equal(streamed[:4], client.generate("full", seed=3, count=4))


def test_a_stream_that_is_cut_off_is_told() -> None:
    with pytest.raises(ConnectionError, match="cut off"):
        Reader().close()


def test_compared_images_are_those_generated(client: Client) -> None:
    found = client.compare(["float", "full"], seed=3, count=2)
    assert list(found.images) == ["float", "full"]
    np.testing.assert_array_equal(found.images["full"], client.generate("full", seed=3, count=2))
    assert found.report["ratios"][0]["resident_bytes"] > 1
    versions = client.compare(["full", "full@1"], seed=3, count=2).images  # as they were named
    np.testing.assert_array_equal(versions["full"], versions["full@1"])
    with pytest.raises(ValueError, match="different"):
        client.compare(["full", "full"])


def test_a_vote_counts_once(client: Client) -> None:
    before = client.results()["votes"]
    pair = client.pair()
    assert pair.left.size == (16, 16)
    assert client.vote(pair, "left")["choice"] == "left"
    assert client.results()["votes"] == before + 1
    with pytest.raises(ServiceError) as caught:
        client.vote(pair, "left")
    assert caught.value.status == 409


def test_models_are_listed_and_swapped(client: Client, url: str) -> None:
    assert {each["name"] for each in client.models()} == {"float", "full", "partial"}
    assert client.swap("partial", "partial@1")["model"] == "partial@1"
    with Client(url) as stranger, pytest.raises(ServiceError, match="401"):
        stranger.swap("partial", "partial@1")


def test_a_refusal_tells_the_problem(client: Client) -> None:
    with pytest.raises(ServiceError) as caught:
        client.generate("nobody")
    assert (caught.value.status, caught.value.retry_after_s) == (404, None)
    assert "nobody" in caught.value.detail
    with pytest.raises(ServiceError, match="404"):
        next(client.stream("nobody"))
    with pytest.raises(ValueError, match="not both"):
        client.generate(latents=[[0.0]], interpolate=(1, 2, 3))
    with pytest.raises(ValueError, match=r"must be \(from, to, steps\), not \(1, 2\)"):
        client.generate(interpolate=(1, 2))


def test_retries_are_the_callers_choice(random_store: Path) -> None:
    with serving(store=random_store, rate_limit=1, rate_burst=1) as server:
        with Client(server.url) as client, pytest.raises(ServiceError) as caught:
            [client.generate(seed=1) for _ in range(10)]
        assert (caught.value.status, caught.value.retry_after_s) == (429, 1.0)
        with Client(server.url, retries=3) as patient:
            assert patient.generate(seed=1).shape == (1, 16, 16, 3)


def test_the_async_client_does_the_same(client: Client, url: str) -> None:
    async def ask() -> None:
        async with AsyncClient(url) as other:
            images = await other.generate("full", seed=3, count=2)
            np.testing.assert_array_equal(images, client.generate("full", seed=3, count=2))
            streamed = [image async for image in other.stream("full", seed=3, count=2)]
            np.testing.assert_array_equal(np.stack(streamed), images)
            with pytest.raises(ServiceError, match="nobody"):
                await other.image("nobody", 1)

    asyncio.run(ask())
