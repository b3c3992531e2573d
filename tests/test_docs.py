"""What the README says is true of this checkout; its examples run in test_docs_examples."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import playground, readme
from benchmarks.inference import page, plots, results
from benchmarks.serving import page as serving
from benchmarks.variants import RESULT

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_readmes_table_is_made_from_the_measured_file() -> None:
    assert readme.update(README, json.loads(RESULT.read_text())) == README


def test_the_readmes_table_is_about_the_shipped_artifacts() -> None:
    from model_store import Store

    for row in json.loads(RESULT.read_text())["rows"]:
        artifact = Store().open(row["variant"])
        assert (row["digest"], row["artifact_bytes"]) == (artifact.digest, artifact.file_bytes)


def test_the_playgrounds_figures_are_made_from_the_measured_file() -> None:
    page = playground.PAGE.read_text()
    assert playground.update(page, json.loads(playground.RESULT.read_text())) == page


def test_the_serving_page_is_made_from_the_newest_measurement() -> None:
    text = serving.PAGE.read_text()
    assert serving.update(text, serving.latest()) == text


def test_the_kernels_figures_are_made_from_the_newest_measurements() -> None:
    machines = results.machines()
    text = page.PAGE.read_text()
    assert page.update(text, machines) == text
    for picture in (page.SPEED, page.GROWTH):
        with Image.open(picture) as image:
            assert image.info["Source"] == plots.source(machines[0])


def test_the_readmes_links_and_folders_exist() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    folders = re.findall(r"^\| `(\w+/)`", README, re.MULTILINE)
    assert len(links) >= 4
    assert len(folders) >= 7
    assert [name for name in (*links, *folders) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("target", re.findall(r"^make (\w+)", README, re.MULTILINE))
def test_the_readmes_make_targets_exist(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
