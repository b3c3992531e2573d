"""One real server for the tests that do not need their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import factories
from tests.serving import serving

# A chunk of a stream, 32 images of these by NumPy, holds all places for seconds.
SLOW = {"widths": (128, 128, 128, 128, 128, 3), "latent_dim": 100}
BASE_64 = {"widths": (512, 256, 128, 64, 3), "latent_dim": 100}


@pytest.fixture(scope="session")
def http(random_store: Path) -> Iterator[httpx.Client]:
    """A client of a server that serves small random generators."""
    with (
        serving(store=random_store, threads=2) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def shipped_size_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random generators of the size that ships."""
    return factories.store(tmp_path_factory.mktemp("shipped-size"), **BASE_64)


@pytest.fixture(scope="session")
def slow_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random generators that take long for each image."""
    return factories.store(tmp_path_factory.mktemp("slow"), **SLOW)
