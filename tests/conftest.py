"""What every test shares."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import hypothesis
import pytest

from kernels import native
from model_store import artifact
from tests import factories

# Machines that run tests are often busy: how long an example takes says nothing.
hypothesis.settings.register_profile("pbgen", deadline=None)
hypothesis.settings.load_profile("pbgen")

# tests/builds runs other tests with builds of the library that only it makes.
if "PBGEN_TEST_LIBRARY" in os.environ:
    native.LIBRARIES = (os.environ["PBGEN_TEST_LIBRARY"],)

# What takes longest begins first, or one worker would be left with it when the others are done.
LONG = (
    "tests/builds",
    "tests/integration/test_docs_examples.py",
    "tests/integration/test_openapi.py",
    "tests/unit/test_training_experiments.py",
    "tests/unit/test_training_parallel.py",
    "tests/integration/test_deploy_image.py",
    "tests/integration/test_benchmarks_serving.py",
    "tests/fuzz",
)

# Tests name their own store; the developer's must not leak in.
os.environ.pop("PBGEN_STORE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))  # the rest stays in its order


@pytest.fixture(scope="session")
def random_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A read-only store of small random generators: float@1, full@1, partial@1; 16 pixels."""
    return factories.store(tmp_path_factory.mktemp("models"))


@pytest.fixture
def versions(random_store: Path, tmp_path: Path) -> Path:
    """A store of the test's own: float@1, full@1, partial@1, partial@2, partial@10 (active)."""
    root = tmp_path / "models"
    shutil.copytree(random_store, root)
    for version in (2, 10):
        spec = factories.generator(seed=version)
        manifest = factories.manifest(spec)
        artifact.write(root / "partial" / f"{version}.safetensors", spec, manifest)
    return root
