"""Bulk generation: images a second by one process, by two at once, and by Ray on two nodes.

    python -m benchmarks.bulk

The nodes are simulated: two raylets of one core each on this machine. Two processes without Ray
tell what the machine itself loses when both cores work. Writes `results/bulk.json`.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from kernels import machine

ROOT = Path(__file__).parents[1]
RESULT = Path(__file__).parent / "results" / "bulk.json"
IMAGES, SHARD, ROUNDS = 40_000, 2_000, 3
CORES = {"one process": 1, "two processes at once": 2, "Ray, two nodes": 2}  # by who makes them


def measure() -> dict[str, Any]:
    """Images a second, of the whole command (start, disk and end included), for each way."""
    rates: dict[str, list[float]] = {hands: [] for hands in CORES}
    with cluster() as address:
        for _ in range(ROUNDS):
            for hands, found in rates.items():
                found.append(IMAGES / duration_s(hands, address))
    rows = [
        {
            "hands": hands,
            "cores": CORES[hands],
            "images_a_second": statistics.median(found),
            "min_images_a_second": min(found),
            "max_images_a_second": max(found),
        }
        for hands, found in rates.items()
    ]
    return {
        "command": "python -m benchmarks.bulk",
        "machine": machine.describe(),
        "images": IMAGES,
        "shard_images": SHARD,
        "rounds": ROUNDS,
        "rows": rows,
    }


def duration_s(hands: str, address: str) -> float:
    """The seconds that a way of making IMAGES takes."""
    parts = 2 if hands.startswith("two") else 1
    count = IMAGES // parts
    ray = ["--ray", address] if hands.startswith("Ray") else []
    with TemporaryDirectory() as folder:
        began = perf_counter()
        runs = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "service.bulk", f"{folder}/{part}", *ray),
                    *("--count", str(count), "--shard", str(SHARD), "--seed", str(part * count)),
                ],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for part in range(parts)
        ]
        codes = [run.wait() for run in runs]
        if any(codes):
            raise RuntimeError(f"{hands} failed")
        return perf_counter() - began


@contextmanager
def cluster() -> Iterator[str]:
    """The address of a cluster of two nodes of one core."""
    from ray.cluster_utils import Cluster

    node: dict[str, Any] = {"num_cpus": 1, "include_dashboard": False}
    nodes = Cluster(initialize_head=True, head_node_args=node)
    try:
        nodes.add_node(**node)
        yield nodes.address
    finally:
        nodes.shutdown()


if __name__ == "__main__":
    RESULT.write_text(json.dumps(measure(), indent=1) + "\n")
