"""Adding, activating and removing versions."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from model_store import errors
from model_store.store import Entry, Store


def labels(store: Store) -> list[str]:
    return [entry.label for entry in store.list()]


def test_the_first_version_of_a_name_is_active(random_store: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "new" / "store")
    source = random_store / "partial" / "1.safetensors"
    assert store.add(source) == Entry("partial", 1, ("active",))  # called as its variant
    assert store.add(source, "copy_2") == Entry("copy_2", 1, ("active",))
    assert store.open("copy_2").digest == Store(random_store).open("partial").digest


def test_a_later_version_waits_to_be_activated(versions: Path) -> None:
    store = Store(versions)
    source = versions / "partial" / "1.safetensors"
    assert store.add(source) == Entry("partial", 11, ())
    assert store.open("partial").version == 10
    assert store.activate("partial@11") == Entry("partial", 11, ("active",))
    assert store.open("partial").version == 11
    assert store.activate("partial@2").active  # and back: rollback is the same call
    assert Store(versions).open("partial").version == 2


def test_aliases(versions: Path) -> None:
    store = Store(versions)
    store.activate("partial@2", alias="canary")
    assert store.open("partial@canary").label == "partial@2"
    assert store.open("partial").version == 10
    store.activate("partial@canary")  # what the alias means, not the alias, becomes active
    store.activate("partial@1", alias="canary")
    assert (store.open("partial").version, store.open("partial@canary").version) == (2, 1)
    assert store.remove("partial@canary").label == "partial@1"
    assert "partial@1" in labels(store)
    with pytest.raises(errors.UnknownModelError):
        store.open("partial@canary")


def test_a_damaged_index_harms_its_own_name_alone(versions: Path) -> None:
    store = Store(versions)
    (versions / "full" / "index.json").write_text("garbage")
    assert store.activate("partial@2").active
    assert store.add(versions / "partial" / "1.safetensors", "copy").active
    for use in (lambda: store.open("full"), store.list):
        with pytest.raises(errors.ManifestError, match=r"^full: index.json is not JSON"):
            use()
    survey = store.survey()
    assert {entry.name for entry in survey.entries} == {"copy", "float", "partial"}
    assert [str(problem)[:6] for problem in survey.problems] == ["full: "]


@pytest.mark.parametrize("alias", ["", "2", "Canary", "a@b", "../x"])
def test_an_alias_is_a_word(versions: Path, alias: str) -> None:
    with pytest.raises(errors.ManifestError, match=r"is no alias; .* would be right"):
        Store(versions).activate("partial@2", alias)


@pytest.mark.parametrize("name", ["", "Partial", "../partial", "a/b", "a" * 65])
def test_a_name_is_a_word(versions: Path, name: str) -> None:
    with pytest.raises(errors.ManifestError, match=r"is no name; .* would be right"):
        Store(versions).add(versions / "partial" / "1.safetensors", name)


def test_a_version_in_use_is_not_removed(versions: Path) -> None:
    store = Store(versions)
    store.activate("partial@2", alias="canary")
    before = store.list()
    for model, uses in (("partial@10", "active"), ("partial", "active"), ("partial@2", "canary")):
        with pytest.raises(errors.VersionInUseError, match=f"is in use as {uses}; activate anoth"):
            store.remove(model)
    with pytest.raises(errors.VersionInUseError):
        store.remove("partial@active")
    assert store.list() == before


def test_a_version_that_is_served_is_not_removed(versions: Path) -> None:
    store, service = Store(versions), Store(versions)
    hold = service.hold(service.find("partial@2"))
    hold.take()
    with pytest.raises(errors.VersionInUseError, match=r"partial@2: a service .* serves it; let"):
        store.remove("partial@2")
    assert "partial@2" in labels(store)
    hold.release()
    other = service.hold(service.find("partial@1"))
    other.take()
    assert store.remove("partial@2").label == "partial@2"
    del other  # as the end of its process
    assert store.remove("partial@1").label == "partial@1"


def test_a_number_is_never_given_twice(versions: Path) -> None:
    store = Store(versions)
    source = versions / "partial" / "1.safetensors"
    added = store.add(source)
    assert store.remove(added.label) == added
    assert store.add(source).version == added.version + 1
    assert added.label not in labels(store)


def test_a_removed_hand_placed_version_is_not_given_again(versions: Path) -> None:
    store = Store(versions)
    store.activate("partial@1")
    store.remove("partial@10")
    assert store.open("partial").version == 1
    assert store.add(versions / "partial" / "1.safetensors").version == 11


@pytest.mark.parametrize("known_by", ["file", "index"])
def test_after_the_last_number_nothing_is_added(versions: Path, known_by: str) -> None:
    store, source = Store(versions), versions / "partial" / "1.safetensors"
    if known_by == "file":
        shutil.copy(source, versions / "partial" / "999999999.safetensors")
    else:
        (versions / "partial" / "index.json").write_text('{"aliases": {}, "last": 999999999}')
    before = sorted(versions.rglob("*"))
    with pytest.raises(errors.ReadOnlyStoreError, match="partial has had version 999999999, the"):
        store.add(source)
    assert sorted(versions.rglob("*")) == before
    assert store.add(source, "other").version == 1


def test_what_is_no_file_is_not_waited_for(versions: Path) -> None:
    """Opened as a file is, a pipe waits for a writer, and who removes it for ever."""
    store, pipe = Store(versions), versions / "partial" / "2.safetensors"
    pipe.unlink()
    os.mkfifo(pipe)
    for use in (store.open, store.remove):
        with pytest.raises(errors.UnreadableError, match=r"^partial@2: this is no file"):
            use("partial@2")
    hold = store.hold(store.find("partial@2"))
    hold.take()
    assert pipe.is_fifo()


def test_names_made_and_deleted_are_on_disk(
    versions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a power cut would find them: each change of a folder is followed by a sync of it."""
    synced: list[int] = []
    sync = os.fsync

    def noting(file: int) -> None:
        synced.append(os.fstat(file).st_ino)
        sync(file)

    monkeypatch.setattr(os, "fsync", noting)
    root = tmp_path / "new" / "store"
    store = Store(root)
    for version in (1, 2):
        store.add(versions / "partial" / "1.safetensors")
        around = [path.stat().st_ino for path in (tmp_path, root.parent, root)]
        if version == 1:
            assert [each for each in synced if each in around] == around
    synced.clear()
    store.remove("partial@2")
    assert synced[-1] == (root / "partial").stat().st_ino
    assert len(synced) == 3  # the index, its name, and the name that is gone


def test_a_damaged_file_is_neither_added_nor_activated(versions: Path, tmp_path: Path) -> None:
    store = Store(versions)
    damaged = tmp_path / "new.safetensors"
    damaged.write_bytes((versions / "partial" / "1.safetensors").read_bytes()[:-1])
    with pytest.raises(errors.TruncatedError, match=r"^new\.safetensors: "):
        store.add(damaged)
    (versions / "partial" / "2.safetensors").write_bytes(damaged.read_bytes())
    with pytest.raises(errors.TruncatedError, match=r"^partial@2: "):
        store.activate("partial@2")
    assert store.open("partial").version == 10


def test_a_missing_active_version_is_not_replaced_silently(versions: Path) -> None:
    store = Store(versions)
    store.activate("partial@2")
    (versions / "partial" / "2.safetensors").unlink()
    with pytest.raises(errors.UnknownModelError, match=r"known are .*partial@10"):
        store.open("partial")
    store.activate("partial@10")
    assert store.open("partial").version == 10


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (b"{", "index.json is not JSON"),
        (b"\xff", "index.json is not JSON"),
        (b"[]", "index.json is a list; an object would be right"),
        (b'{"aliases": {"active": "2"}, "last": 3}', 'aliases.active is "2"; an integer would'),
        (b'{"aliases": {}}', "index.json.last is missing"),
        (b'{"aliases": {}, "last": 1000000000}', "last is 1000000000; at most 999999999 would be"),
        (b'{"aliases": {"\\u001b[31m": 1}, "last": 3}', r"'\\x1b\[31m' is no alias"),
    ],
)
def test_a_damaged_index_is_named(versions: Path, index: bytes, message: str) -> None:
    (versions / "partial" / "index.json").write_bytes(index)
    with pytest.raises(errors.ManifestError, match=f"^partial: .*{message}"):
        Store(versions).open("partial")


def test_writers_wait_for_each_other_and_readers_see_whole_files(versions: Path) -> None:
    """Four writers and a reader at once: every addition gets its own number, every read is good."""
    source = versions / "partial" / "1.safetensors"
    added: list[Entry] = []
    done = threading.Event()

    def write() -> None:
        added.extend(Store(versions).add(source) for _ in range(5))

    def read() -> None:
        while not done.is_set():
            reader = Store(versions)
            opened.append(reader.open(reader.list()[-1].label).version)

    opened: list[int | None] = []
    writers = [threading.Thread(target=write) for _ in range(4)]
    reader = threading.Thread(target=read)
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert sorted(entry.version for entry in added) == list(range(11, 31))
    assert opened == sorted(opened)  # type: ignore[type-var]
    assert Store(versions).open("partial").version == 10


def test_a_store_that_cannot_be_written_says_so(
    versions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    store = Store(versions)
    before = store.list()
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(errors.ReadOnlyStoreError, match="cannot be written: No space left"):
        store.add(versions / "partial" / "1.safetensors")
    assert store.list() == before


def test_a_place_without_locks_says_so(versions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(_file: int, _operation: int) -> None:
        raise OSError(37, "No locks available")

    store = Store(versions)
    before = store.list()
    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(errors.ReadOnlyStoreError, match="cannot be written: No locks available"):
        store.add(versions / "partial" / "1.safetensors")
    assert store.list() == before


def test_the_index_is_what_the_page_says(versions: Path) -> None:
    Store(versions).activate("partial@2", alias="canary")
    index = json.loads((versions / "partial" / "index.json").read_text())
    assert index == {"aliases": {"active": 10, "canary": 2}, "last": 10}


def test_the_shipped_store_is_the_default(monkeypatch: pytest.MonkeyPatch, versions: Path) -> None:
    shipped = labels(Store())
    monkeypatch.setenv("PBGEN_STORE", str(versions))
    assert labels(Store()) != shipped
    assert labels(Store()) == labels(Store(versions))
