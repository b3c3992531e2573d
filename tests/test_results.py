"""What the results say of the records, measurements and artifacts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docs import logged
from docs.blocks import accounting, experiments, measured, suites
from docs.blocks.experiments import Group
from docs.draw.training import PICTURES
from model_store import Store
from training import experiments as training


def test_the_evaluation_is_of_the_shipped_artifacts() -> None:
    reports = logged.read(measured.EVALUATION)["reports"]
    digests = {row["what"]: row["digest"] for row in reports if row["digest"]}
    assert len(digests) == 3
    for label, digest in digests.items():
        artifact = Store().open(label.split("@")[0])
        assert (artifact.label, artifact.digest) == (label, digest)


def test_a_ratio_carries_the_spread_of_both_sides() -> None:
    ours, theirs = (
        Group(name, tuple({"mean": value} for value in values))
        for name, values in (("ours", (18.0, 20.0, 22.0)), ("theirs", (9.0, 10.0, 11.0)))
    )
    assert ours.cell() == "20.0 ± 2.0"
    assert ours.over(theirs) == "2.00 (1.59 … 2.51)"
    assert ours.over(Group("alone", ({"mean": 8.0},))) == "2.49"


def test_runs_fill_the_blocks_that_said_they_were_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damage 100 / redundancy: the metric's order exactly, so its ρ is −1 and 2 of 120 as rare."""
    monkeypatch.setattr(experiments, "RECORDS", tmp_path)
    assert suites.metric() == (
        "Not run yet: `python -m training experiments RUNS --data FOLDER --only metric`.\n"
    )
    picture, file = PICTURES["metric.png"], tmp_path / "metric.png"
    assert not picture.is_due(file)
    ratios = [damage.redundancy for damage in experiments.damages()]
    for experiment in training.metric():
        float_layers = [not flag for flag in experiment.options.binary]
        swd = sum(100 / ratio for ratio, kept in zip(ratios, float_layers, strict=True) if not kept)
        row = {
            "manifest": {
                "swd": dict.fromkeys(experiments.LEVELS, swd),
                "provenance": {"seed": experiment.options.seed, "options": {"compute": "float32"}},
            },
            "log": [],
        }
        (tmp_path / f"{experiment.name}.json").write_text(json.dumps(row))
    text = suites.metric()
    assert "| 4: 64 → 3, 64² | 0.25 | keep | 400.0 | 58.0 |" in text
    assert "| none | – | – | 0.0 | – |" in text
    assert "12 of 12 runs made, 12 in float32" in text
    assert "-1.00 where it is binarized alone (expected negative; exact p 0.02)" in text
    assert "+1.00 where it alone stays float (expected positive; exact p 0.02)" in text
    assert "pictures/metric.png" in text
    assert picture.is_due(file)
    picture.write(file)
    assert not picture.is_due(file)


def test_the_accounting_counts_what_it_says() -> None:
    assert (
        sum(accounting.weights(128, 4))
        == 16 * (100 * 1024 + 1024 * 512 + 512 * 256 + 256 * 128) + 6144
    )
    assert accounting.activations(64) == 8192 + 16384 + 32768 + 65536 + 12288
    assert accounting.generator(64, 4).saving == pytest.approx(32 * 3574784 / (3571712 + 32 * 3072))
    assert accounting.table().count("**") == 2
