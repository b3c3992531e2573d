"""Builds of the C library that only tests use: for another machine, emulated, sanitized.

All of them come from the project's CMakeLists.txt: no flag is written twice.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
EMULATED_AMX = f"-include {ROOT / 'tests' / 'builds' / 'amx.h'}"  # a C flag


def compiled(folder: Path, **options: str) -> Path:
    """Builds the library in `folder` with these CMake variables; returns the file."""
    cmake = [sys.executable, "-m", "cmake"]  # of the environment, whatever PATH has
    configure = [*cmake, "-S", str(ROOT), "-B", str(folder), "-G", "Unix Makefiles"]
    configure += [f"-D{name}={value}" for name, value in options.items()]
    for command in (configure, [*cmake, "--build", str(folder), "--parallel", "2"]):
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert run.returncode == 0, run.stdout
        assert "warning:" not in run.stdout, run.stdout
    return folder / "libpbgen-kernels.so"
