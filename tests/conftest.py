"""What every test shares."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

from tests import factories

# Machines that run tests are often busy: how long an example takes says nothing.
hypothesis.settings.register_profile("pbgen", deadline=None)
hypothesis.settings.load_profile("pbgen")

# Tests name their own store; the developer's must not leak in.
os.environ.pop("PBGEN_STORE", None)


@pytest.fixture(scope="session")
def random_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of small random generators: float@1, full@1, partial@1; 16-pixel images."""
    return factories.store(tmp_path_factory.mktemp("models"))
