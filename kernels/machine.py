"""The machine and the build that a measurement is made on."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from kernels import native
from kernels.generator import available_isas

ROOT = Path(__file__).parents[1]


def describe() -> dict[str, Any]:
    """CPU model and count, memory, instruction sets, compiler, Python, NumPy, commit and the time
    (ISO 8601, UTC).
    """
    return {
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "isas": list(available_isas()),
        "compiler": native.compiler(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "commit": commit(),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def commit() -> str:
    """The commit of the checkout that runs, or "unknown" where there is none."""
    if not shutil.which("git"):
        return "unknown"
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def _cpu_model() -> str:
    """The model's name, and family/model/stepping, which a virtual machine's generic name does not
    hide.
    """
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    fields = dict(re.findall(r"^([^\t\n]+)\s*: (.*)$", info.read_text(), re.MULTILINE))
    numbers = "/".join(fields.get(key, "?") for key in ("cpu family", "model", "stepping"))
    return f"{fields.get('model name', platform.machine())} (family/model/stepping {numbers})"
