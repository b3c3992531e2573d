"""What is served from the start, where a name in the store is damaged or cannot be read."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from model_store import Store
from model_store.errors import ManifestError, UnreadableError
from service.engine import Engine
from service.errors import Unavailable
from tests.permissions import permissions_that_count


def engine(root: Path) -> Engine:
    return Engine(Store(root), isa=None, threads=1)


def damage(root: Path, *names: str) -> None:
    for name in names:
        (root / name / "index.json").write_text("{")


def test_a_damaged_name_does_not_stop_the_start(
    versions: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damage(versions, "full")
    with caplog.at_level(logging.ERROR):
        served = [model.label for model in engine(versions).load_active()]
    assert served == ["float@1", "partial@10"]
    (record,) = caplog.records
    assert "full: index.json is not JSON" in record.getMessage()


def test_a_store_of_damaged_names_alone_is_not_called_empty(versions: Path) -> None:
    damage(versions, "float", "full", "partial")
    with pytest.raises(ManifestError, match="float: index"):
        engine(versions).load_active()


def test_a_name_that_cannot_be_read_is_not_forgotten_at_the_start(versions: Path) -> None:
    """Unlike damage that may pass, and who would start the service again to get the name back?"""
    (versions / "full").chmod(0)
    with permissions_that_count(), pytest.raises(UnreadableError, match="full: its folder"):
        engine(versions).load_active()


def test_an_index_that_cannot_be_read_now_is_the_stores_trouble(versions: Path) -> None:
    (versions / "full" / "index.json").mkdir()
    with pytest.raises(Unavailable):
        asyncio.run(engine(versions).find("full"))
