"""python -m model_store."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from model_store import __main__ as cli
from model_store.output import printing
from model_store.store import SHIPPED, Store
from tests.permissions import permissions_that_count

PROBLEM = "full: index.json is not JSON; the file is damaged"


def run(versions: Path, *arguments: str) -> int:
    return cli.main(["--store", str(versions), *arguments])


def test_list_shows_a_line_a_version(versions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(versions, "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "MODEL",
        "float@1*",
        "full@1*",
        "partial@1",
        "partial@2",
        "partial@10*",
    ]
    size = (versions / "partial" / "10.safetensors").stat().st_size
    assert f"partial  16 × 16  2 binary, 1 fixed  {size:,}" in lines[-1]
    assert Store(versions).open("partial").digest[:19] in lines[-1]


def test_show_prints_the_manifest(versions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(versions, "show", "partial@1") == 0
    shown = capsys.readouterr().out
    for expected in (
        Store(versions).open("partial@1").digest,
        "random numbers",
        "base=64",
        "30.00",
        "16 → 8",
        "4×4, stride 2, padding 1",
        "redundant",
    ):
        assert expected in shown
    assert run(versions, "show", str(versions / "partial" / "1.safetensors")) == 0
    assert capsys.readouterr().out.split("variant")[1] == shown.split("variant")[1]


def test_verify_tells_damaged_from_sound(
    versions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(versions, "verify") == 0
    assert capsys.readouterr().out.count("ok ") == 5
    path = versions / "partial" / "2.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert run(versions, "verify") == 1
    output = capsys.readouterr().out
    assert output.count("ok ") == 4
    assert "damaged  partial@2: the content's digest is sha256:" in output
    assert run(versions, "list") == 1
    assert "error: partial@2: " in capsys.readouterr().err
    assert run(versions, "verify", "partial@1") == 0
    assert run(versions, "verify", "partial@3") == 1
    assert "unknown  there is no model 'partial@3'" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["list", "verify"])
def test_a_damaged_name_is_told_beside_the_others(
    versions: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (versions / "full" / "index.json").write_text("{")
    assert run(versions, command) == 1
    output = capsys.readouterr()
    for told in ("float@1", "partial@10"):
        assert told in output.out
    problem = {"list": f"error: {PROBLEM}", "verify": f"damaged  {PROBLEM}"}[command]
    assert problem in (output.err if command == "list" else output.out).splitlines()
    assert run(versions, "verify", "partial", "float") == 0


@pytest.mark.parametrize("command", ["list", "verify", "show partial"])
def test_a_store_that_may_not_be_read_is_told_in_a_line(
    versions: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    versions.chmod(0)
    with permissions_that_count():
        assert run(versions, *command.split()) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == f"error: {versions}: the store cannot be read: Permission denied\n"


def started(*arguments: str, **variables: str) -> subprocess.Popen[bytes]:
    """The command as a process, which writes into pipes."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=SHIPPED.parents[1],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("command", ["-m model_store list", "-m pbgen store list"])
@pytest.mark.parametrize("unbuffered", ["", "1"])  # it fails in the end, or at the first line
def test_it_ends_quietly_where_nobody_reads_on(command: str, unbuffered: str) -> None:
    with started(*command.split(), PYTHONUNBUFFERED=unbuffered) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 128 + signal.SIGPIPE


def test_a_full_disk_is_told_in_a_line() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "model_store", "list"],
            cwd=SHIPPED.parents[1],
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == 1
    assert done.stderr == b"error: the output cannot be written: No space left on device\n"


def test_an_error_of_something_else_is_not_blamed_on_the_output() -> None:
    def command() -> int:
        raise OSError(errno.ENOLCK, "No locks available")

    with pytest.raises(OSError, match="No locks available"):
        printing(command)


@pytest.mark.parametrize("command", ["-m model_store list", "-m pbgen store show partial"])
def test_a_locale_that_lacks_characters_gets_their_escapes(command: str) -> None:
    ascii_only = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with started(*command.split(), **ascii_only) as process:
        output, problems = process.communicate()
    assert (process.returncode, problems) == (0, b"")
    assert rb"64 \xd7 64" in output


def test_errors_are_one_line_on_stderr(versions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(versions, "show", "best") == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: there is no model 'best'; known are ")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    ["list", "verify", "verify partial", "show partial", "activate partial", "remove partial@1"],
)
def test_a_store_that_is_nowhere_is_told(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "nowhere", *command.split()) == 1
    told = f"error: {tmp_path}/nowhere: the store is no folder that is there; --store or PBGEN_"
    assert capsys.readouterr().err.startswith(told)
    assert not (tmp_path / "nowhere").exists()
    for command in ("list", "verify"):
        assert run(tmp_path, command) == 0
        assert capsys.readouterr().err == "The store is empty.\n"


def test_a_first_version_makes_its_store(versions: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "new", "add", str(versions / "full" / "1.safetensors")) == 0
    assert run(tmp_path / "new", "verify", "full@1") == 0


def test_the_command_explains_itself() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "model_store", "--help"],
        cwd=SHIPPED.parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    for word in ("list", "verify", "activate", "remove", "PBGEN_STORE", "Exit code"):
        assert word in result.stdout


def test_a_version_is_added_activated_and_removed(
    versions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(versions, "add", str(versions / "partial" / "1.safetensors")) == 0
    assert run(versions, "activate", "partial@11", "--alias", "canary") == 0
    assert run(versions, "activate", "partial@11") == 0
    assert run(versions, "remove", "partial@10") == 0
    assert run(versions, "remove", "partial@canary") == 0
    assert capsys.readouterr().out.splitlines() == [
        "added partial@11",
        "activated partial@11 (canary)",
        "activated partial@11* (canary)",
        "removed partial@10, which was partial@10",
        "removed partial@canary, which was partial@11",
    ]
    assert run(versions, "remove", "partial") == 1
    assert "error: partial@11 is in use as active" in capsys.readouterr().err
