"""Fixtures of more than one file of unit tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import pictures


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 pictures to train on."""
    return pictures.blobs(tmp_path_factory.mktemp("pictures"), 48)


@pytest.fixture(scope="session")
def run_folders(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A finished tiny run of each variant."""
    from tests.training_runs import train  # brings PyTorch in

    runs = {}
    for variant in ("float", "full", "partial"):
        runs[variant] = tmp_path_factory.mktemp(variant) / "run"
        assert train(folder, runs[variant], "--variant", variant, "--images=96") == 0
    return runs
