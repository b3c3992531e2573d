"""The app's parts are closed, also when its start fails half-way."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from service.app import create_app
from service.settings import Settings


def test_a_start_that_fails_closes_what_was_open(random_store: Path, tmp_path: Path) -> None:
    settings = Settings(store=str(random_store), data=tmp_path, experiment={"nobody": 1.0})
    before = set(threading.enumerate())  # of other tests, too: a team's helpers outlive its calls

    async def start() -> set[threading.Thread]:
        app = create_app(settings)
        with pytest.raises(ValueError, match=r"PBGEN_EXPERIMENT must name .*, not 'nobody'"):
            async with app.router.lifespan_context(app):
                pass
        return set(threading.enumerate()) - before

    assert not asyncio.run(start())
