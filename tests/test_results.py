"""The results and the model card are what the records, measurements and artifacts make."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks import accounting, experiments, measured, plots, report
from benchmarks.experiments import Group
from model_store import Store
from training import experiments as suites

PAGES = sorted(report.PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_pages_are_what_make_results_makes(page: Path) -> None:
    assert report.page(page) == page.read_text()


@pytest.mark.parametrize("name", report.PLOTS)
def test_the_plots_show_the_records(name: str) -> None:
    data = report.PLOTS[name][0]()
    if data is None:
        assert not (report.PICTURES / name).exists()
    else:
        assert plots.mark(report.PICTURES / name) == plots.digest(data)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_pages_links_and_pictures_exist(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_evaluation_is_of_the_shipped_artifacts() -> None:
    reports = json.loads((measured.RESULTS / measured.EVALUATION).read_text())["reports"]
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
    assert report.metric() == (
        "Not run yet: `python -m training experiments RUNS --data FOLDER --only metric`.\n"
    )
    assert plots.metric_data() is None
    ratios = [damage.redundancy for damage in experiments.damages()]
    for experiment in suites.metric():
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
    text = report.metric()
    assert "| 4: 64 → 3, 64² | 0.25 | keep | 400.0 | 58.0 |" in text
    assert "| none | – | – | 0.0 | – |" in text
    assert "12 of 12 runs made, 12 in float32" in text
    assert "-1.00 where it is binarized alone (expected negative; exact p 0.02)" in text
    assert "+1.00 where it alone stays float (expected positive; exact p 0.02)" in text
    assert "pictures/metric.png" in text
    plots.metric(tmp_path / "metric.png", plots.metric_data())
    assert plots.mark(tmp_path / "metric.png") == plots.digest(plots.metric_data())


def test_the_accounting_counts_what_it_says() -> None:
    assert (
        sum(accounting.weights(128, 4))
        == 16 * (100 * 1024 + 1024 * 512 + 512 * 256 + 256 * 128) + 6144
    )
    assert accounting.activations(64) == 8192 + 16384 + 32768 + 65536 + 12288
    assert accounting.generator(64, 4).saving == pytest.approx(32 * 3574784 / (3571712 + 32 * 3072))
    assert accounting.table().count("**") == 2
