"""The kernels' tests once more, on builds that reach what the installed library does not: AMX on a
machine without it (emulated in C, amx.h), and everything under sanitizers.
"""

from __future__ import annotations

import ctypes as ct
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from kernels import native
from tests import building

TESTS = (
    "tests/property/test_kernels_isas.py",
    "tests/property/test_kernels_floats.py",
    "tests/unit/test_kernels_bounds.py",
)
LOOKUP = "tests/unit/test_kernels_lookup.py"  # AMX has none
HAS_AVX512 = "avx512" in native.isas()


def run_tests(library: Path, *more: str, **environment: str) -> None:
    """Runs TESTS with this build of the library, AMX among its instruction sets where it can be."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--verbose", "-p", "no:cacheprovider", *TESTS, *more],
        cwd=building.ROOT,
        env={**os.environ, "PBGEN_TEST_LIBRARY": str(library), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert run.returncode == 0, run.stdout
    assert ("-amx] PASSED" in run.stdout) == HAS_AVX512


@pytest.mark.skipif(
    not HAS_AVX512, reason="needs a processor with AVX-512, VBMI, GFNI and VPOPCNTDQ"
)
def test_amx_emulated(tmp_path: Path) -> None:
    run_tests(building.compiled(tmp_path, CMAKE_C_FLAGS=building.EMULATED_AMX))


def test_address_and_undefined_behaviour_sanitizers(tmp_path: Path) -> None:
    """A few examples; `make sanitize` takes many."""
    command = ["cc", "-print-file-name=libasan.so"]
    runtime = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    if not Path(runtime).is_absolute():
        pytest.skip("needs GCC's libasan.so, to be loaded before Python")
    library = building.compiled(tmp_path, CMAKE_C_FLAGS=building.EMULATED_AMX, PBGEN_SANITIZE="ON")
    run_tests(
        library,
        LOOKUP,
        LD_PRELOAD=runtime,
        ASAN_OPTIONS="detect_leaks=0",  # Python's own
        PBGEN_TEST_EXAMPLES=os.environ.get("PBGEN_TEST_EXAMPLES", "20"),
    )


@pytest.mark.skipif(platform.machine() != "x86_64", reason="AMX is x86's")
def test_instruction_sets_that_the_compiler_does_not_know_are_left_out(tmp_path: Path) -> None:
    """As GCC 10 does not know AMX."""
    compiler = tmp_path / "old-cc"
    compiler.write_text(
        '#!/bin/sh\ncase "$*" in *-mamx*) echo "error: unknown option" >&2; exit 1; esac\n'
        'exec cc "$@" -O1\n'
    )
    compiler.chmod(0o755)
    library = ct.CDLL(str(building.compiled(tmp_path, CMAKE_C_COMPILER=str(compiler))))
    library.pbgen_isa_name.restype = ct.c_char_p
    names = [library.pbgen_isa_name(index) for index in range(5)]
    assert names == [b"avx512", b"avx512_vnni", b"avx2", b"portable", None]
