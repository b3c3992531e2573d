"""Stores at a URL: a real HTTP server, and fsspec's memory."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_store import errors
from model_store.remote import RemoteFolder
from model_store.store import Store

pytest.importorskip("fsspec", reason="stores at a URL need: pip install '.[remote]'")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url(versions: Path) -> Iterator[str]:
    handler = functools.partial(QuietHandler, directory=str(versions.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/{versions.name}"
        server.shutdown()
        thread.join()


def test_an_http_store_is_read_like_a_local_one(url: str, versions: Path) -> None:
    Store(versions).activate("partial@2", alias="canary")
    remote, local = Store(url), Store(versions)
    assert remote.list() == local.list()
    for model in ("partial", "partial@canary", "float"):
        assert remote.open(model).digest == local.open(model).digest
    Store(versions).activate("partial@1")
    assert remote.open("partial").version == 1  # nothing is remembered of an old listing


def test_an_http_store_cannot_be_written(url: str, versions: Path) -> None:
    with pytest.raises(errors.ReadOnlyStoreError, match="the store cannot be written"):
        Store(url).add(versions / "partial" / "1.safetensors")
    with pytest.raises(errors.ReadOnlyStoreError):
        Store(url).remove("partial@1")


def test_damage_and_absence_over_http(url: str, versions: Path) -> None:
    path = versions / "partial" / "2.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(errors.TruncatedError, match=r"^partial@2: "):
        Store(url).open("partial@2")
    with pytest.raises(errors.UnknownModelError, match="known are float@1"):
        Store(url).open("best")


@pytest.mark.parametrize("kind", ["http", "memory", "file"])
def test_an_address_without_a_store_is_not_called_empty(
    url: str, tmp_path: Path, kind: str
) -> None:
    where = {"http": url, "memory": "memory://nowhere", "file": tmp_path.as_uri()}[kind]
    store = Store(f"{where}/absent")
    for use in (store.list, lambda: store.open("partial"), lambda: store.remove("partial@1")):
        told = "the store is no folder that is there" if kind == "file" else "there is no store at"
        with pytest.raises(errors.UnreadableError, match=rf"^{told}.*; --store or PBGEN_STORE"):
            use()


def test_an_empty_folder_is_an_empty_store_at_a_url_too(url: str, versions: Path) -> None:
    (versions / "new").mkdir()
    (versions / "new" / "notes").mkdir()
    for where in (f"{url}/new", (versions / "new").as_uri()):
        assert Store(where).list() == ()


def test_a_damaged_name_is_told_beside_the_others_over_http(url: str, versions: Path) -> None:
    (versions / "full" / "index.json").write_text("{")
    survey = Store(url).survey()
    assert {entry.name for entry in survey.entries} == {"float", "partial"}
    assert [str(problem)[:6] for problem in survey.problems] == ["full: "]


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(errors.UnreadableError, match="the store cannot be reached") as caught:
        Store("http://127.0.0.1:9/models").list()
    assert "127.0.0.1" not in str(caught.value)


def test_a_store_in_memory_can_be_changed(versions: Path) -> None:
    store = Store("memory://models-of-this-test")
    source = versions / "partial" / "2.safetensors"
    assert [store.add(source).label for _ in range(3)] == ["partial@1", "partial@2", "partial@3"]
    assert store.open("partial").version == 1
    store.activate("partial@3")
    store.remove("partial@1")
    assert [entry.label for entry in store.list()] == ["partial@2", "partial@3"]
    assert store.open("partial").digest == Store(versions).open("partial@2").digest


def test_an_unknown_kind_of_url() -> None:
    with pytest.raises(errors.UnreadableError, match="the store cannot be reached"):
        Store("gopher://host/models")


def test_the_second_of_two_writers_of_a_version_is_refused() -> None:
    first, second = (RemoteFolder("memory://two-writers-of-this-test") for _ in range(2))
    first.write("partial/1.safetensors", b"first", new=True)
    with pytest.raises(errors.ReadOnlyStoreError, match="another writer"):
        second.write("partial/1.safetensors", b"second", new=True)
    assert first.read("partial/1.safetensors") == b"first"
