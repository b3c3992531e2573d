"""The libFuzzer program of kernels.c: build and command line."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests import building

HERE = Path(__file__).parent
LONGEST = 8 + 5 * 12  # bytes of an input that kernels.c reads


def build(folder: Path, *, sanitize: bool) -> Path:
    """Builds the library with clang's coverage, and the program; returns the program."""
    flags = f"{building.EMULATED_AMX} -fsanitize=fuzzer-no-link"
    options = {"CMAKE_C_COMPILER": "clang", "CMAKE_C_FLAGS": flags}
    library = building.compiled(folder, **options, PBGEN_SANITIZE="ON" if sanitize else "OFF")
    program = folder / "fuzz-kernels"
    checks = "fuzzer,address,undefined" if sanitize else "fuzzer"
    command = ["clang", "-O1", "-g", f"-fsanitize={checks}", "-fno-sanitize-recover=all"]
    command += ["-I", str(building.ROOT / "kernels" / "c"), str(HERE / "kernels.c"), str(library)]
    subprocess.run([*command, f"-Wl,-rpath,{folder}", "-o", str(program)], check=True)
    return program


def command(program: Path, *options: str) -> list[str]:
    """Runs the program with these libFuzzer options."""
    return [str(program), f"-max_len={LONGEST}", "-len_control=0", "-print_final_stats=1", *options]
