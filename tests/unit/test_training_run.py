"""Training runs as a user starts them: the loop, its kill and its resume, export and evaluation."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import kernels
import model_store
from tests.training_runs import TINY, train
from training import data
from training.__main__ import main
from training.batches import draw
from training.loop import Run
from training.options import COMPUTE, COMPUTE_DTYPES, Options

ROOT = Path(__file__).parents[2]


def test_a_run_leaves_its_options_provenance_log_and_pictures(run_folders: dict[str, Path]) -> None:
    run = run_folders["partial"]
    assert Options.load(run / "options.json").images == 96
    provenance = json.loads((run / "provenance.json").read_text())
    begun = {"dataset", "terms", "commit", "started_at", "teacher"}
    assert provenance.keys() == begun | {"training_faces", "held_out_faces", "dataset_digest"}
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [row["images"] for row in rows if "swd" in row] == [48, 96]
    assert np.isfinite([row["d_loss"] for row in rows if "d_loss" in row]).all()
    with Image.open(run / "samples-00000096.png") as sheet, Image.open(run / "swd.png") as curve:
        assert sheet.size == (512, 512)  # 64 samples, though 3 faces are held out
        assert curve.width > 100


def test_latent_weights_stay_within_one(run_folders: dict[str, Path]) -> None:
    run = Run.resume(run_folders["full"])
    assert all(layer.weight.abs().max() <= 1 for layer in run.generator.layers)
    assert run.images_seen == 96


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Sums in one order: Adam makes much of what little another order changes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_a_killed_run_resumes_to_the_weights_of_an_unbroken_one(
    folder: Path, tmp_path: Path
) -> None:
    budget = "--images=4000"
    broken = tmp_path / "broken"
    command = [sys.executable, "-m", "training", "train", str(broken), "--data", str(folder)]
    command += [*TINY, budget]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, env=environment)
    checkpoint = broken / "checkpoint.pt"
    deadline = time.monotonic() + 120
    while not checkpoint.exists() or torch.load(checkpoint, weights_only=True)["step"] < 4:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    at_kill = Run.resume(broken).step
    assert 4 <= at_kill < 500
    assert at_kill % 2 == 0  # checkpoints come every 16 images, two steps

    # Both go on from here to the same step; the unbroken one starts anew.
    faces = data.load(folder)
    resumed = Run.resume(broken)
    unbroken = Run.open(tmp_path / "unbroken", resumed.options, faces)
    end = at_kill + 3
    for each in (resumed, unbroken):
        while each.step < end:
            each.train_step(draw(faces.train, each.options.seed, each.step, 8, each.dtype))
            each.step += 1
    for ours, theirs in zip(
        resumed.generator.parameters(), unbroken.generator.parameters(), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_an_evaluation_that_a_kill_cut_short_is_made_up_for(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, evaluate, kills = tmp_path / "run", Run.evaluate, iter([True, False, True])

    def killed(self: Run, held_out: data.Images) -> dict[str, float]:
        if next(kills, False):
            raise KeyboardInterrupt
        return evaluate(self, held_out)

    monkeypatch.setattr(Run, "evaluate", killed)
    for _ in range(2):
        assert train(folder, run, "--variant=float", "--images=96") != 0
    assert train(folder, run, "--variant=float", "--images=96") == 0
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [row["images"] for row in rows if "swd" in row] == [48, 96]


def test_the_same_command_goes_on_where_the_run_stands(
    folder: Path, run_folders: dict[str, Path], tmp_path: Path
) -> None:
    run = shutil.copytree(run_folders["float"], tmp_path / "run")
    before = (run / "checkpoint.pt").read_bytes()
    assert train(folder, run, "--variant=float", "--images=96") == 0  # it is at its end
    assert (run / "checkpoint.pt").read_bytes() == before


def test_a_run_goes_on_in_its_dtype_on_a_machine_that_is_fast_in_another(
    folder: Path, tmp_path: Path
) -> None:
    (other,) = set(COMPUTE_DTYPES) - {COMPUTE}
    run, images = tmp_path / "run", ("--variant=float", "--images=16")
    assert train(folder, run, *images, f"--compute={other}") == 0
    command = ["train", str(run), "--data", str(folder), *TINY, "--evaluate-every=48", *images]
    command.remove("--compute=float32")
    assert main(command) == 0
    assert Run.resume(run).options.compute == other


def test_exporting_where_there_is_no_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "holds no run" in capsys.readouterr().err


@pytest.mark.parametrize("variant", ["float", "full", "partial"])
def test_an_exported_generator_draws_what_the_training_graph_draws(
    variant: str, run_folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"{variant}.safetensors"
    assert main(["export", str(run_folders[variant]), "--out", str(out)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["swd"] is None
    bound = 0.02 if variant == "float" else 1.0  # grey levels; u8 activations cost some
    assert report["export"]["mean_difference"] < bound
    stored = model_store.artifact.read(out)
    assert stored.manifest["variant"] == variant
    assert stored.manifest["provenance"]["images_seen"] == 96
    assert "teacher" not in stored.manifest["provenance"]
    # So narrow a generator has more layers that the metric keeps: all but the first two.
    expected = {
        "float": ["float"] * 5,
        "full": ["binary"] * 5,
        "partial": ["binary"] * 2 + ["fixed"] * 3,
    }
    assert [row["precision"] for row in stored.manifest["layers"]] == expected[variant]
    assert kernels.Generator(stored.spec).run(kernels.latents(0, 2)).shape == (2, 64, 64, 3)


@pytest.mark.parametrize("loss", ["hinge", "wgan-gp"])
def test_other_losses_train(loss: str, folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    arguments = [f"--loss={loss}", "--variant=0,4", "--no-binary-discriminator"]
    assert train(folder, run, "--images=32", "--compute=bfloat16", *arguments) == 0
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert np.isfinite(rows[0]["d_loss"])
    assert Run.resume(run).options.binary == (True, False, False, False, True)


def test_swd_of_an_export_is_measured_and_kept(
    folder: Path, run_folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "model.safetensors"
    arguments = ["--data", str(folder), "--swd-images=32"]
    assert main(["export", str(run_folders["partial"]), "--out", str(out), *arguments]) == 0
    kept = model_store.artifact.read(out).manifest["swd"]
    assert kept is not None
    capsys.readouterr()
    figures = tmp_path / "figures.json"
    assert main(["evaluate", "float", str(out), *arguments, "--json", str(figures)]) == 0
    printed = capsys.readouterr().out
    assert f"mean: {kept['mean']:.2f}" in printed
    control, shipped, model = json.loads(figures.read_text())["reports"]
    assert control["what"] == "real faces, held out"
    assert [e["images"] for e in control["evaluations"]] == [3]
    assert [e["images"] for e in model["evaluations"]] == [3, 32]
    assert model["evaluations"][1]["swd"] == kept
    assert model["held_out"]["images"] == 3
    assert model["held_out"]["swd"] != model["evaluations"][0]["swd"]
    assert f"against held-out faces  64: {model['held_out']['swd']['64']:.2f}" in printed
    assert control["held_out"] is None
    assert 0 < model["neighbours"]["ratio"][0] <= 1
    assert shipped["likeness"] is None  # it is the first
    psnr, ssim = model["likeness"]["psnr_db"], model["likeness"]["ssim"]
    assert f"same seed: PSNR {psnr:.1f} dB, SSIM {ssim:.2f}" in printed
    assert 0 < psnr < 30  # unrelated pictures
    assert abs(ssim) < 0.5


def test_bad_data_and_unknown_models_are_errors_in_words(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path / "nowhere", tmp_path / "run") == 1
    assert "does not exist" in capsys.readouterr().err
    (tmp_path / "file").touch()
    for run in (tmp_path / "file", tmp_path / "file" / "run"):
        assert train(folder, run) == 1
        assert "file is a file; a run is kept in a folder" in capsys.readouterr().err
    assert main(["evaluate", "nobody", "--data", str(folder)]) == 1
    assert "nobody" in capsys.readouterr().err


def test_what_cannot_be_written_is_known_before_the_work(
    folder: Path,
    run_folders: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, out, data = str(run_folders["float"]), tmp_path / "m.safetensors", ["--data", str(folder)]
    assert main(["export", run, "--out", str(out)]) == 0
    monkeypatch.setattr("training.__main__.load", lambda _: pytest.fail("the work began"))
    for command in (["export", run, *data, "--out"], ["evaluate", str(out), *data, "--json"]):
        assert main([*command, str(tmp_path)]) == 1
        assert f"{tmp_path} is a folder; a file would be right" in capsys.readouterr().err
        assert main([*command, str(out / "below" / "it")]) == 1
        assert f"Not a directory: '{out / 'below'}'" in capsys.readouterr().err


def test_figures_may_go_to_a_folder_that_is_yet_to_be_made(
    folder: Path, run_folders: dict[str, Path], tmp_path: Path
) -> None:
    out, figures = tmp_path / "m.safetensors", tmp_path / "missing" / "figures.json"
    assert main(["export", str(run_folders["float"]), "--out", str(out)]) == 0
    arguments = ["--data", str(folder), "--swd-images=1", "--json", str(figures)]
    assert main(["evaluate", str(out), *arguments]) == 0
    assert len(json.loads(figures.read_text())["reports"]) == 2


@pytest.mark.parametrize("count", ["0", "-3", "many"])
def test_fewer_images_than_one_are_refused(
    count: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", "float", "--data", str(tmp_path), f"--swd-images={count}"])
    expected = f"--swd-images: must be a whole number of at least 1, not {count}"
    assert expected in capsys.readouterr().err


def test_the_largest_seed_trains_and_is_exported(folder: Path, tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "out"
    assert train(folder, run, "--images=8", f"--seed={2**64 - 1}") == 0
    assert main(["export", str(run), "--out", str(out)]) == 0
    assert model_store.artifact.read(out).manifest["provenance"]["seed"] == 2**64 - 1


def test_the_redundancy_of_a_stored_model_is_shown(
    run_folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "m.safetensors"
    assert main(["export", str(run_folders["full"]), "--out", str(out)]) == 0
    capsys.readouterr()
    assert main(["redundancy", str(out)]) == 0
    assert "2 → 3, 4×4 / 2" in capsys.readouterr().out
    assert main(["redundancy", "--width=128"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("0.50  keep")
