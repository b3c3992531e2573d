"""Names, versions and the command line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import model_store
from model_store import __main__ as cli
from model_store import artifact, errors
from model_store.store import SHIPPED, Entry, Store
from tests import factories


@pytest.fixture
def root(random_store: Path, tmp_path: Path) -> Path:
    """A store of the test's own: float@1, full@1, partial@1, partial@2, partial@10."""
    root = tmp_path / "models"
    shutil.copytree(random_store, root)
    for version in (2, 10):
        spec = factories.generator(seed=version)
        manifest = factories.manifest(spec)
        artifact.write(root / "partial" / f"{version}.safetensors", spec, manifest)
    return root


def test_every_version_is_listed_and_the_highest_is_active(root: Path) -> None:
    assert Store(root).list() == (
        Entry("float", 1, True),
        Entry("full", 1, True),
        Entry("partial", 1, False),
        Entry("partial", 2, False),
        Entry("partial", 10, True),
    )


@pytest.mark.parametrize(
    ("model", "label"),
    [("partial", "partial@10"), ("partial@2", "partial@2"), ("float", "float@1")],
)
def test_open(root: Path, model: str, label: str) -> None:
    opened = Store(root).open(model)
    assert opened.label == f"{opened.name}@{opened.version}" == label
    assert opened.digest.startswith("sha256:")


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
def test_an_unknown_model_lists_the_known_ones(root: Path, model: str) -> None:
    known = "known are float@1, full@1, partial@1, partial@2, partial@10$"
    with pytest.raises(errors.UnknownModelError, match=known) as caught:
        Store(root).open(model)
    assert len(str(caught.value)) < 250


def test_other_files_in_a_store_are_no_models(root: Path) -> None:
    before = Store(root).list()
    for name in ("partial/notes.txt", "partial/.3.safetensors.x1", "partial/03.safetensors"):
        (root / name).write_bytes(b"")
    (root / "Upper").mkdir()
    (root / "Upper" / "1.safetensors").write_bytes(b"")
    assert Store(root).list() == before


def test_an_absent_store_is_empty(tmp_path: Path) -> None:
    assert Store(tmp_path / "absent").list() == ()
    with pytest.raises(errors.UnknownModelError, match="known are none: the store is empty"):
        Store(tmp_path / "absent").open("partial")


def test_load_takes_a_name_a_version_or_a_path(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PBGEN_STORE", str(root))
    path = root / "partial" / "10.safetensors"
    first = [
        model_store.load(model).layers[0].weight.tobytes()
        for model in ("partial", "partial@10", path, str(path), "partial@1")
    ]
    assert len(set(first[:4])) == 1
    assert first[4] != first[0]


def test_a_damaged_artifact_is_named(root: Path) -> None:
    path = root / "partial" / "2.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(errors.TruncatedError, match=r"^partial@2: "):
        Store(root).open("partial@2")


def run(root: Path, *arguments: str) -> int:
    return cli.main(["--store", str(root), *arguments])


def test_list_shows_a_line_a_version(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "MODEL",
        "float@1*",
        "full@1*",
        "partial@1",
        "partial@2",
        "partial@10*",
    ]
    size = (root / "partial" / "10.safetensors").stat().st_size
    assert f"partial  16 × 16  2 binary, 1 fixed  {size:,}" in lines[-1]
    assert Store(root).open("partial").digest[:19] in lines[-1]


def test_show_prints_the_manifest(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "show", "partial@1") == 0
    shown = capsys.readouterr().out
    for expected in (
        Store(root).open("partial@1").digest,
        "random numbers",
        "base=64",
        "30.00",
        "16 → 8",
        "4×4, stride 2, padding 1",
        "redundant",
    ):
        assert expected in shown


def test_verify_tells_damaged_from_sound(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "verify") == 0
    assert capsys.readouterr().out.count("ok ") == 5
    path = root / "partial" / "2.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert run(root, "verify") == 1
    output = capsys.readouterr().out
    assert output.count("ok ") == 4
    assert "damaged  partial@2: the content's digest is sha256:" in output
    assert run(root, "list") == 1
    assert "error: partial@2: " in capsys.readouterr().err
    assert run(root, "verify", "partial@1") == 0
    assert run(root, "verify", "partial@3") == 1
    assert "unknown  there is no model 'partial@3'" in capsys.readouterr().out


def test_errors_are_one_line_on_stderr(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "show", "best") == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: there is no model 'best'; known are ")
    assert captured.err.count("\n") == 1


def test_the_command_explains_itself() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "model_store", "--help"],
        cwd=SHIPPED.parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    for word in ("list", "show", "verify", "PBGEN_STORE", "Exit code"):
        assert word in result.stdout


def test_every_shipped_model_is_sound() -> None:
    store = Store(SHIPPED)
    for entry in store.list():
        assert store.open(entry.label).manifest["variant"] == entry.name
