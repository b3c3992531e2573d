"""Data-parallel training: two gloo processes draw the loss curve of one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests import pictures
from training.batches import draw, indices
from training.loop import Run

ROOT = Path(__file__).parents[2]
COMMAND = [
    *("--width=2", "--discriminator-width=2", "--batch=8", "--compute=float32"),
    *("--variant=partial", "--checkpoint-every=24", "--evaluate-every=1000000"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.blobs(tmp_path_factory.mktemp("pictures"), 32)


def _train(launcher: list[str], folder: Path, run: Path, images: int) -> None:
    command = [*launcher, "train", str(run), *COMMAND, f"--images={images}", "--data", str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=240)


def test_two_processes_train_as_one_and_resume(folder: Path, tmp_path: Path) -> None:
    one = [sys.executable, "-m", "training"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    two = [*torchrun, "--nproc-per-node=2", "-m", "training"]
    _train(one, folder, tmp_path / "one", images=48)
    _train(two, folder, tmp_path / "two", images=48)
    for run in ("one", "two"):  # the checkpoint at 24 images is gone; make the run longer instead
        options = tmp_path / run / "options.json"
        options.write_text(json.dumps(json.loads(options.read_text()) | {"images": 80}))
        _train(one if run == "one" else two, folder, tmp_path / run, images=80)
    one_curve, two_curve = (
        [row for row in map(json.loads, log.read_text().splitlines()) if "d_loss" in row]
        for log in (tmp_path / run / "log.jsonl" for run in ("one", "two"))
    )
    assert [row["images"] for row in one_curve] == [48, 80]
    for ours, theirs in zip(two_curve, one_curve, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)
    alone, together = Run.resume(tmp_path / "one"), Run.resume(tmp_path / "two")
    assert alone.images_seen == together.images_seen == 80
    for ours, theirs in (
        (together.generator, alone.generator),
        (together.discriminator, alone.discriminator),
    ):
        torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-3, atol=1e-4)


def test_every_epoch_shows_every_face_once() -> None:
    seen = np.concatenate([indices(24, seed=0, step=step, size=8) for step in range(6)])
    assert sorted(seen[:24]) == sorted(seen[24:]) == list(range(24))
    assert list(seen[:24]) != list(seen[24:])


def test_an_epoch_may_end_within_a_batch() -> None:
    seen = np.concatenate([indices(10, seed=1, step=step, size=8) for step in range(5)])
    for epoch in range(4):
        assert sorted(seen[10 * epoch : 10 * epoch + 10]) == list(range(10))


def test_half_of_the_faces_are_mirrored() -> None:
    train = np.zeros((400, 4, 4, 3), np.uint8)
    train[:, :, 0] = 255
    batch = draw(train, seed=0, step=0, size=400, dtype=torch.float32)
    mirrored = (batch.real[:, 0, 0, 3] == 1).sum().item()
    assert 160 < mirrored < 240
    assert (batch.real[:, 0, 0, 0] == 1).sum().item() == 400 - mirrored
    assert (train[:, :, 0] == 255).all()  # the data set itself stays as it is
