"""Names, versions and the command line."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import model_store
from model_store import errors
from model_store.store import SHIPPED, Entry, Store
from tests import factories
from tests.permissions import permissions_that_count


def test_every_version_is_listed_and_the_highest_is_active(versions: Path) -> None:
    assert Store(versions).list() == (
        Entry("float", 1, ("active",)),
        Entry("full", 1, ("active",)),
        Entry("partial", 1, ()),
        Entry("partial", 2, ()),
        Entry("partial", 10, ("active",)),
    )


@pytest.mark.parametrize(
    ("model", "label"),
    [("partial", "partial@10"), ("partial@2", "partial@2"), ("float", "float@1")],
)
def test_open(versions: Path, model: str, label: str) -> None:
    opened = Store(versions).open(model)
    assert opened.label == f"{opened.name}@{opened.version}" == label
    assert opened.digest.startswith("sha256:")


def test_the_url_of_a_folder_is_that_folder(tmp_path: Path, versions: Path) -> None:
    folder = tmp_path / "my models"
    url = folder.as_uri()
    assert "%20" in url
    Store(url).add(versions / "full" / "1.safetensors")
    assert Store(folder).list() == Store(url).list() == (Entry("full", 1, ("active",)),)


@pytest.mark.parametrize(
    "model",
    [
        "",
        "partial@3",
        "partial@02",
        "partial@",
        "../partial",
        "partial/1",
        "partial@1@1",
        "x" * 9999,
    ],
)
def test_an_unknown_model_lists_the_known_ones(versions: Path, model: str) -> None:
    known = "known are float@1, full@1, partial@1, partial@2, partial@10$"
    with pytest.raises(errors.UnknownModelError, match=known) as caught:
        Store(versions).open(model)
    assert len(str(caught.value)) < 250


def test_other_files_in_a_store_are_no_models(versions: Path) -> None:
    before = Store(versions).list()
    for name in ("partial/notes.txt", "partial/.3.safetensors.x1", "partial/03.safetensors"):
        (versions / name).write_bytes(b"")
    (versions / "Upper").mkdir()
    (versions / "Upper" / "1.safetensors").write_bytes(b"")
    assert Store(versions).list() == before


def test_an_empty_store_lists_nothing(tmp_path: Path) -> None:
    assert Store(tmp_path).list() == ()
    with pytest.raises(errors.UnknownModelError, match="known are none: the store is empty"):
        Store(tmp_path).open("partial")


@pytest.mark.parametrize("name", ["absent", "file"])
def test_a_store_that_is_no_folder_is_told_from_an_empty_one(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    store = Store(tmp_path / name)
    for use in (store.list, lambda: store.open("partial")):
        with pytest.raises(errors.UnreadableError, match="the store is no folder that") as caught:
            use()
        assert str(tmp_path) not in str(caught.value)


def test_a_name_that_vanishes_while_the_store_is_listed(
    versions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_folder = os.listdir

    def vanishing(path: Path) -> list[str]:
        found = list_folder(path)
        if path == versions:
            shutil.rmtree(versions / "full")
        return found

    monkeypatch.setattr(os, "listdir", vanishing)
    assert {entry.name for entry in Store(versions).list()} == {"float", "partial"}


def test_a_store_that_may_not_be_read_is_not_called_empty(versions: Path) -> None:
    versions.chmod(0)
    with permissions_that_count():
        for use in (Store.list, Store.survey, lambda store: store.find("partial@1")):
            with pytest.raises(errors.UnreadableError, match=r"^the store .* read: Permission den"):
                use(Store(versions))


def test_a_name_that_may_not_be_read_is_told_beside_the_others(versions: Path) -> None:
    (versions / "lost+found").mkdir(0)  # no model's name
    (versions / "full").chmod(0)
    with permissions_that_count():
        store = Store(versions)
        survey = store.survey()
        assert {entry.name for entry in survey.entries} == {"float", "partial"}
        told = [str(problem) for problem in survey.problems]
        assert told == ["full: its folder cannot be read: Permission denied"]
        with pytest.raises(errors.UnreadableError, match=r"^full: "):
            store.list()
        assert store.find("partial").version == 10
        with pytest.raises(errors.UnknownModelError, match="known are float@1, partial@1"):
            store.find("best")


def test_an_index_that_may_not_be_read_is_named(versions: Path) -> None:
    Store(versions).activate("full@1")
    (versions / "full" / "index.json").chmod(0)
    with permissions_that_count():
        (problem,) = Store(versions).survey().problems
        assert str(problem) == "full/index.json: it cannot be read: Permission denied"
        with pytest.raises(errors.UnreadableError, match=r"^full/index\.json: "):
            Store(versions).find("full")


def test_load_takes_a_name_a_version_or_a_path(
    versions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PBGEN_STORE", str(versions))
    path = versions / "partial" / "10.safetensors"
    first = [
        model_store.load(model).layers[0].weight.tobytes()
        for model in ("partial", "partial@10", path, str(path), "partial@1")
    ]
    assert len(set(first[:4])) == 1
    assert first[4] != first[0]


def test_a_damaged_artifact_is_named(versions: Path) -> None:
    path = versions / "partial" / "2.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(errors.TruncatedError, match=r"^partial@2: "):
        Store(versions).open("partial@2")


def test_the_three_variants_ship_and_are_sound() -> None:
    store = Store(SHIPPED)
    entries = store.list()
    assert {entry.name for entry in entries} == set(factories.VARIANTS)
    for entry in entries:
        assert store.open(entry.label).manifest["variant"] == entry.name
