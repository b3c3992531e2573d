"""What a training run refuses, and that it leaves the way free for the right command."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training_runs import TINY, train
from training import data, parallel
from training.__main__ import main
from training.loop import Run
from training.options import Options
from training.run_folder import LOCK, alone

ROOT = Path(__file__).parents[2]
SAME = ("--variant=float", "--images=96")  # of run_folders["float"]


@pytest.fixture
def run(run_folders: dict[str, Path], tmp_path: Path) -> Path:
    """A finished run of the test's own."""
    return Path(shutil.copytree(run_folders["float"], tmp_path / "run"))


@pytest.mark.parametrize("name", ["", "runs/1"])
def test_a_run_within_its_data_is_refused_before_anything_is_written(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(folder.rglob("*"))
    assert train(folder, folder / name) == 1
    expected = f"run folder {folder / name} lies in data folder {folder}"
    assert expected in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before


def test_other_options_are_refused_with_the_way_out(
    folder: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(folder, run, "--variant=full", "--images=96") == 1
    told = capsys.readouterr().err
    assert "holds a run with variant 'float', not 'full': go on with what it has, or" in told


def test_other_data_of_the_same_name_are_refused(
    folder: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "elsewhere" / folder.name
    shutil.copytree(folder, other)
    Image.new("RGB", (64, 64)).save(other / "00.png")
    assert train(other, run, *SAME) == 1
    told = capsys.readouterr().err
    assert "holds a run with dataset_digest 'sha256:" in told
    (other / "01.png").unlink()
    assert train(other, run, *SAME) == 1
    assert "held_out_faces 3, not 2; " in capsys.readouterr().err


def test_the_same_data_go_by_any_name(folder: Path, run: Path, tmp_path: Path) -> None:
    assert train(Path(shutil.copytree(folder, tmp_path / "others")), run, *SAME) == 0


def test_a_run_that_did_not_keep_what_its_data_were_goes_on_by_their_name(
    folder: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run / "provenance.json"
    known = {"dataset", "terms", "commit", "started_at"}
    old = {k: v for k, v in json.loads(path.read_text()).items() if k in known}
    path.write_text(json.dumps(old))
    assert train(folder, run, *SAME) == 0
    other = Path(shutil.copytree(folder, tmp_path / "others"))
    assert train(other, run, *SAME) == 1
    assert f"with dataset '{folder.name}', not 'others': " in capsys.readouterr().err
    path.write_text(json.dumps(old | {"dataset": ""}))  # of --data .
    assert train(other, run, *SAME) == 0


def test_a_batch_that_the_processes_cannot_share_leaves_no_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "size", lambda: 3)
    with pytest.raises(ValueError, match="batch must be a multiple of the 3 processes, not 8"):
        Run.open(tmp_path / "run", Options(width=2, batch=8), data.load(folder))
    assert not (tmp_path / "run").exists()


def test_a_folder_is_trained_by_one_process_at_a_time(
    folder: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (run / "log.jsonl").read_bytes()
    with alone(run):
        assert train(folder, run, *SAME) == 1
    assert f"error: {run} is being trained by another process" in capsys.readouterr().err
    assert (run / "log.jsonl").read_bytes() == before
    assert (run / LOCK).exists()  # which alone holds nobody off
    assert train(folder, run, *SAME) == 0


@pytest.mark.parametrize("kept", [0, 10, 5000])
def test_a_damaged_checkpoint_is_named(
    kept: int, folder: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = run / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:kept])
    assert train(folder, run, *SAME) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"error: {checkpoint} is damaged, or of another run: ")
    assert last.endswith("bring it back from a copy, or begin a new run in another folder")


def test_a_full_disk_is_told_and_leaves_the_last_checkpoint(folder: Path, run: Path) -> None:
    options = json.loads((run / "options.json").read_text())
    (run / "options.json").write_text(json.dumps(options | {"images": 112}))
    before = (run / "checkpoint.pt").read_bytes()
    command = [sys.executable, "-m", "training", "train", str(run), "--data", str(folder), *TINY]
    done = subprocess.run(
        [*command, "--evaluate-every=48", "--variant=float", "--images=112"],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"error: {run} cannot be written: File too large; once it can, the same command goes on "
        "from the last checkpoint"
    )
    assert (run / "checkpoint.pt").read_bytes() == before
    assert not list(run.glob("*.partial"))


def test_a_run_that_diverges_ends(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = Run.train_step
    monkeypatch.setattr(
        Run, "train_step", lambda self, batch: step(self, batch) | {"g_loss": np.nan}
    )
    run = tmp_path / "run"
    assert train(folder, run, "--images=96") == 1
    assert "error: g_loss is nan after 0 images: the run diverged; " in capsys.readouterr().err
    assert (run / "log.jsonl").read_text() == ""


def test_too_little_memory_is_an_error_in_words(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def open_(*_: object) -> None:
        np.empty(1 << 60, np.uint8)

    monkeypatch.setattr(Run, "open", open_)
    assert train(folder, tmp_path / "run") == 1
    assert "error: not enough memory: Unable to allocate 1.00 EiB" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--image-size=2", "image size must be a power of two of at least 8, not 2"),
        ("--image-size=0", "image size must be a power of two of at least 8, not 0"),
        ("--image-size=-8", "image size must be a power of two of at least 8, not -8"),
        ("--width=1000000", "width 1000000 at image size 64 makes no generator: "),
        ("--width=0", "width 0 at image size 64 makes no generator: "),
    ],
)
def test_sizes_of_no_generator_are_named_as_they_were_given(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["redundancy", arguments]) == 1
    assert f"error: {message}" in capsys.readouterr().err
