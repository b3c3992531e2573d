"""The suites of runs, and one small run from data to record."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests import pictures
from training import experiments
from training.experiments import SUITES, Experiment
from training.options import Options


def test_names_are_unique_and_hold_no_more_than_file_names_may() -> None:
    every = [experiment for suite in SUITES.values() for experiment in suite()]
    names = {experiment.name for experiment in every}
    assert len(names) == len(set(every))
    assert all(re.fullmatch(r"[\w.-]+", name) for name in names)


def test_the_suites_compare_equal_budgets() -> None:
    for suite in (
        experiments.comparison,
        experiments.metric,
        experiments.losses,
        experiments.tried,
    ):
        assert {experiment.options.images for experiment in suite()} == {102_400}
    assert len({experiment.options.seed for experiment in experiments.comparison()}) == 3
    assert [e.options.variant for e in experiments.metric()][:3] == ["float", "0", "1"]
    for suite in (experiments.metric, experiments.losses, experiments.tried):
        assert {experiment.compute for experiment in suite()} == {"float32"}
    scratch, students = [409_600] * 3, [102_400] * 4  # a teacher's budget, and a quarter of it
    assert [e.options.images for e in experiments.aligned()] == scratch + students
    assert [e.options.images for e in experiments.shipped()] == [819_200, 204_800, 122_880]


def test_a_taught_run_is_trained_after_its_teacher_and_recorded(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    faces = tmp_path / "faces"
    faces.mkdir()
    folders = (tmp_path / "runs", pictures.blobs(faces, 32), tmp_path / "records")
    small = Options("float", width=2, discriminator_width=2, images=16, batch=8)
    teacher = Experiment(small)
    student = Experiment(replace(small, variant="partial"), teacher)
    experiments.run(student, *folders)
    scratch = Experiment(replace(small, variant="full"), compared_with=teacher)
    told = [line for line in capfd.readouterr().out.splitlines() if line.endswith("running")]
    assert told == [f"{teacher.name}: running", f"{student.name}: running"]
    records = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "records").iterdir()}
    assert records.keys() == {teacher.name, student.name}
    manifest = records[student.name]["manifest"]
    assert records[student.name]["machine"]["cpus"] >= 1
    assert re.match(r"\d+\.\d+", records[student.name]["torch"])
    assert manifest["provenance"]["teacher"] == records[teacher.name]["manifest"]["digest"]
    assert manifest["export"]["teacher"]["images"] == 512
    assert manifest["swd"]["mean"] > 0
    assert str(tmp_path) not in json.dumps(records)
    assert [row["images"] for row in records[student.name]["log"]] == [16, 16]

    experiments.run(scratch, *folders)
    assert capfd.readouterr().out.splitlines()[0] == f"{teacher.name}: recorded, not run again"
    kept = json.loads((tmp_path / "records" / f"{scratch.name}.json").read_text())
    assert kept["likeness"].keys() == {"psnr_db", "ssim", "images"}
    assert kept["manifest"]["export"].get("teacher") is None

    before = (tmp_path / "records" / f"{teacher.name}.json").stat().st_mtime_ns
    experiments.run(teacher, *folders)
    assert capfd.readouterr().out == f"{teacher.name}: recorded, not run again\n"
    (tmp_path / "runs" / teacher.name / experiments.ARTIFACT).unlink()
    experiments.run(Experiment(replace(small, variant="0"), teacher), *folders)  # it is made again
    assert (tmp_path / "records" / f"{teacher.name}.json").stat().st_mtime_ns == before
