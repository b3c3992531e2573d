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

    async def start() -> set[str]:
        app = create_app(settings)
        with pytest.raises(ValueError, match=r"PBGEN_EXPERIMENT must name .*, not 'nobody'"):
            async with app.router.lifespan_context(app):
                pass
        return {each.name for each in threading.enumerate() if each.name.startswith("pbgen-")}

    left = asyncio.run(start())
    assert not [name for name in left if name.startswith(("pbgen-kernel", "pbgen-state"))], left
