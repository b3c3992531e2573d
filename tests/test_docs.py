"""What the README says is true of this checkout; its examples run in test_docs_examples."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from docs import logged
from docs.__main__ import BLOCKS, DOCS, FILES, PICTURES
from docs.blocks import models, reference
from docs.blocks.measured import VARIANTS
from docs.page import blocks, fill
from service.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def name(value: object) -> str:
    return value.name if isinstance(value, Path) else str(value)


@pytest.mark.parametrize(
    ("page", "block"), [(page, block) for page in BLOCKS for block in BLOCKS[page]], ids=name
)
def test_every_generated_block_is_what_python_m_docs_would_write(page: Path, block: str) -> None:
    text = page.read_text()
    assert fill(text, block, BLOCKS[page][block]()) == text


@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_generated_file_is_what_python_m_docs_would_write(path: Path) -> None:
    assert path.read_text() == FILES[path]()


@pytest.mark.parametrize("path", PICTURES, ids=name)
def test_every_drawn_picture_shows_what_python_m_docs_would_draw(
    path: Path, tmp_path: Path
) -> None:
    picture = PICTURES[path]
    if picture.data() is None:
        assert not path.exists()
        return
    assert not picture.is_due(path)
    drawn = tmp_path / path.name
    picture.write(drawn)
    assert not picture.is_due(drawn)


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(DOCS.glob("*.md"))], ids=name)
def test_python_m_docs_knows_every_block_that_names_it(page: Path) -> None:
    assert blocks(page.read_text()) == list(BLOCKS.get(page, {}))


def test_every_setting_is_in_the_docs() -> None:
    table = reference.settings()
    assert [each for each in Settings.model_fields if f"`PBGEN_{each.upper()}`" not in table] == []


def test_the_readmes_table_is_about_the_shipped_artifacts() -> None:
    from model_store import Store

    for row in logged.read(VARIANTS)["rows"]:
        artifact = Store().open(row["variant"])
        assert (row["digest"], row["artifact_bytes"]) == (artifact.digest, artifact.file_bytes)


def test_the_model_card_shows_swd_without_rounding_where_it_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, *others = models.shipped()
    manifest: Any = first.manifest
    known = manifest | {"export": manifest["export"] | {"swd_unrounded": 20.0}}
    exports = [dict(other.manifest["export"]) for other in others]
    for export in exports:
        export.pop("swd_unrounded", None)
    unknown: list[Any] = [
        replace(other, manifest=dict(other.manifest) | {"export": export})
        for other, export in zip(others, exports, strict=True)
    ]
    monkeypatch.setattr(models, "shipped", lambda: [replace(first, manifest=known), *unknown])
    row = next(line for line in models.export().splitlines() if "without rounding" in line)
    served = manifest["swd"]["mean"]
    cells = f"20.00, {served:.2f} ({served / 20 - 1:+.1%})"
    assert row.removesuffix(" |").split(" | ")[1:4] == [cells, "not measured", "not measured"]


def test_the_pages_links_and_pictures_exist() -> None:
    links = [
        (page, link)
        for page in DOCS.rglob("*.md")
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    ]
    assert len(links) > 50
    assert [link for page, link in links if not (page.parent / link).exists()] == []


def test_the_readmes_links_and_folders_exist() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    folders = re.findall(r"^\| `(\w+/)`", README, re.MULTILINE)
    assert len(links) >= 4
    assert len(folders) >= 7
    assert [name for name in (*links, *folders) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("target", re.findall(r"^make (\w+)", README, re.MULTILINE))
def test_the_readmes_make_targets_exist(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
