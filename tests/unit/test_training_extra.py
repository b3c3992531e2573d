"""`python -m training` where the extra `train` is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_without_its_extra_training_says_in_a_line_what_to_install() -> None:
    without_packages = [sys.executable, "-S", "-m", "training", "redundancy"]
    done = subprocess.run(without_packages, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        "error: training needs matplotlib, scipy, skimage, torch: "
        "pip install --editable '.[train]'\n"
    )
