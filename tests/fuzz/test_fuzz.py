"""The fuzz targets build, run and find nothing in 3000 inputs; `make fuzz` tries more."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import building
from tests.fuzz import target


@pytest.mark.skipif(not shutil.which("clang"), reason="needs clang with libFuzzer")
def test_kernels(tmp_path: Path) -> None:
    program = target.build(tmp_path, sanitize=False)
    check(target.command(program, "-runs=3000", "-seed=1", f"-artifact_prefix={tmp_path}/"))


@pytest.mark.skipif(not importlib.util.find_spec("atheris"), reason="needs the extra `fuzz`")
def test_loader(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz.loader", "-len_control=0", "-max_len=2000"]
    check([*command, "-runs=3000", "-seed=1", f"-artifact_prefix={tmp_path}/"])


def check(command: list[str]) -> None:
    run = subprocess.run(
        command, cwd=building.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert "Done 3000 runs" in run.stdout
    assert "no interesting inputs" not in run.stdout  # the code is not instrumented
