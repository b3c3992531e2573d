"""Teachers: what they draw, what their students begin with, and which one a run keeps."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

import kernels
import model_store
from kernels import GeneratorSpec
from kernels.tanh import CENTER, ONE
from tests import factories
from tests.training_runs import train
from training import data
from training.__main__ import main
from training.loop import Run
from training.networks import decode_latents
from training.options import Options
from training.teacher import Teacher


def test_a_teacher_pulls_the_student_and_is_named(
    folder: Path, run_folders: dict[str, Path], tmp_path: Path
) -> None:
    teacher, out, run = (
        tmp_path / "teacher.safetensors",
        tmp_path / "out.safetensors",
        tmp_path / "r",
    )
    assert main(["export", str(run_folders["float"]), "--out", str(teacher)]) == 0
    pull = ["--teacher", str(teacher), "--teacher-weight=100"]
    assert train(folder, run, "--variant=partial", "--images=96", *pull) == 0
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert all(0 < row["distance"] < 2 for row in rows if "d_loss" in row)
    assert main(["export", str(run), "--out", str(out)]) == 0
    provenance = dict(model_store.artifact.read(out).manifest["provenance"])
    assert provenance["teacher"] == model_store.artifact.read(teacher).digest


def _store_teacher(path: Path, seed: int) -> str:
    """Makes or replaces a random float generator as wide as a tiny run's; returns its digest."""
    spec = factories.generator("float", widths=(16, 8, 4, 2, 3), latent_dim=100, seed=seed)
    return model_store.artifact.write(path, spec, factories.manifest(spec, "float"))


def test_a_run_keeps_the_teacher_that_it_began_with(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, run, out = tmp_path / "teacher.safetensors", tmp_path / "run", tmp_path / "out"
    again = partial(train, folder, run, "--images=16", f"--teacher={path}")
    export = partial(main, ["export", str(run), "--out", str(out)])
    began = _store_teacher(path, seed=1)
    assert again() == 0
    other = _store_teacher(path, seed=2)
    capsys.readouterr()
    for command in (again, export):
        assert command() == 1
        assert (
            f"began with teacher {began}; {path} is now {other}: bring the first back under that "
            "name, or begin a new run"
        ) in capsys.readouterr().err
    assert not out.exists()
    _store_teacher(path, seed=1)
    assert again() == export() == 0


def test_a_teacher_keeps_its_bias_in_bfloat16(tmp_path: Path) -> None:
    path, bias = tmp_path / "teacher.safetensors", np.float32([-0.01, 0.002, 0.01])
    spec = factories.generator("float")
    *hidden, last = spec.layers
    last = replace(last, weight=np.zeros_like(last.weight), shift=CENTER + ONE * bias)
    spec = GeneratorSpec((*hidden, last))
    model_store.artifact.write(path, spec, factories.manifest(spec, "float"))
    drawn = Teacher(str(path), torch.bfloat16)(torch.zeros(1, 12, dtype=torch.bfloat16))
    grey_levels_off = 127.5 * (drawn.float().mean((0, 2, 3)).numpy() - np.tanh(bias))
    assert np.abs(grey_levels_off).max() < 0.01


def test_a_teacher_draws_what_its_artifact_draws(
    run_folders: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "teacher.safetensors"
    assert main(["export", str(run_folders["float"]), "--out", str(path)]) == 0
    codes = kernels.latents(seed=3, count=4)
    drawn = Teacher(str(path), torch.float32)(decode_latents(torch.from_numpy(codes)))
    served = kernels.Generator(model_store.load(path)).run(codes)
    grey = ((drawn + 1) * 127.5).permute(0, 2, 3, 1).numpy()
    assert np.abs(grey - served).max() < 1


def test_a_student_starts_where_its_teacher_stands(
    folder: Path, run_folders: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "teacher.safetensors"
    assert main(["export", str(run_folders["float"]), "--out", str(path)]) == 0
    options = {"width": 2, "discriminator_width": 2, "compute": "float32", "teacher": str(path)}
    faces = data.load(folder)
    alike, binary = (
        Run.open(tmp_path / variant, Options(variant, **options), faces)  # type: ignore[arg-type]
        for variant in ("float", "full")
    )
    latents = decode_latents(torch.from_numpy(kernels.latents(seed=5, count=512)))
    assert alike.teacher is not None
    gap = (alike.generator(latents) - alike.teacher(latents)).abs()
    assert gap.mean() < 0.02  # the batch's own statistics, not those of training
    teacher = model_store.load(path)
    for layer, theirs in zip(binary.generator.weighted(), teacher.layers, strict=True):
        signs = layer.effective_weight().detach().permute(2, 3, 1, 0).sign().numpy()
        assert np.array_equal(signs, np.where(theirs.weight >= 0, 1, -1))


def test_a_teacher_of_another_width_is_refused(
    folder: Path, run_folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "teacher.safetensors"
    assert main(["export", str(run_folders["float"]), "--out", str(path)]) == 0
    assert train(folder, tmp_path / "run", "--teacher", str(path), "--width=3") == 1
    assert "as wide as its student, 3, not 2" in capsys.readouterr().err


def test_a_binarized_teacher_is_refused(
    folder: Path, run_folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "full.safetensors"
    assert main(["export", str(run_folders["full"]), "--out", str(path)]) == 0
    assert train(folder, tmp_path / "run", "--teacher", str(path)) == 1
    assert "a teacher must be a float generator" in capsys.readouterr().err
