"""Fuzz the kernels, then the loader: python -m tests.fuzz SECONDS-OF-EACH.

What was found lies in build/fuzz: inputs that reach more, and those that crash.
"""

from __future__ import annotations

import subprocess
import sys

from tests import building
from tests.fuzz import target
from tests.property.test_artifact_damage import GOOD

folder = building.ROOT / "build" / "fuzz"
time = f"-max_total_time={int(sys.argv[1])}"
for name in ("kernels", "loader"):
    (folder / name).mkdir(parents=True, exist_ok=True)
crashes = f"-artifact_prefix={folder}/"
program = target.build(folder / "program", sanitize=True)
subprocess.run(target.command(program, time, crashes, str(folder / "kernels")), check=True)
(folder / "loader" / "undamaged").write_bytes(GOOD)  # a start that goes deep
loader = [sys.executable, "-m", "tests.fuzz.loader", "-len_control=0"]
loader.append(f"-max_len={len(GOOD) + 100}")
subprocess.run([*loader, time, crashes, str(folder / "loader")], check=True, cwd=building.ROOT)
