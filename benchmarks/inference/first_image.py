"""From an artifact's file to its first image, in a fresh process each time.

    python -m benchmarks.inference.first_image FILE

prints milliseconds: from the end of the imports, the C library's loading, the file's verification
and the packing of the weights included. The file is in the system's cache.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import kernels
from kernels.dcgan import LATENT_DIM
from model_store import artifact

ROOT = Path(__file__).parents[2]
PROCESSES = 15


def measure(path: Path) -> dict[str, float]:
    """Median, smallest and largest milliseconds over fresh processes."""
    command = [sys.executable, "-m", "benchmarks.inference.first_image", str(path)]
    times = [
        float(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
        for _ in range(PROCESSES)
    ]
    return {"median_ms": statistics.median(times), "min_ms": min(times), "max_ms": max(times)}


def first_image_ms(path: Path) -> float:
    """To be called once in a process."""
    start = time.perf_counter()
    generator = kernels.Generator(artifact.read(path).spec, threads=1)
    generator.run(kernels.latents(seed=1, count=1, dim=LATENT_DIM))
    return (time.perf_counter() - start) * 1e3


if __name__ == "__main__":
    print(first_image_ms(Path(sys.argv[1])))
