"""How many multiply-adds a second one core can do, measured here and now: the kernels' limit.

    python -m benchmarks.peak

The C probe beside this file is compiled by the machine's C compiler and run on one core. Operands
are the kernels': `bytes` (u8 × i8; on AVX2, × ±1), `floats` and `bits` (±1 × ±1).
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
KERNELS = HERE.parent / "kernels" / "c"
X86 = ("x86_64", "AMD64")


def measure() -> dict[tuple[str, str], float]:
    """Multiply-adds a second by (instruction set, operand); takes a second.

    Empty where there is nothing to measure with: no C compiler, one too old to know VNNI, or a
    processor that is not x86.
    """
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None or platform.machine() not in X86:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "peak"
        sources = (HERE / "peak.c", KERNELS / "cpu_x86.c")
        build = subprocess.run([compiler, "-O2", "-I", KERNELS, *sources, "-o", probe], check=False)
        if build.returncode:  # the compiler has said why
            return {}
        lines = subprocess.run([probe], check=True, capture_output=True, text=True).stdout
    return {
        (isa, operand): float(peak) for isa, operand, peak in map(str.split, lines.splitlines())
    }


if __name__ == "__main__":
    for (isa, operand), peak in measure().items():
        print(f"{isa:11} {operand:6} {peak / 1e9:6.1f} · 10⁹ multiply-adds a second")
