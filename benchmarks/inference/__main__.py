"""Measures the kernels beside peers and the machine's limit: `make bench`.

    python -m benchmarks.inference [--quick]

Prints tables and writes `results/kernels-DATE-CPU.json`. With --quick, fewer rounds, and nothing is
written.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import peak
from benchmarks.inference import (
    agreement,
    entries,
    exports,
    first_image,
    results,
    tables,
    work,
)
from benchmarks.inference.contestant import KERNELS, Contestant
from benchmarks.inference.race import Outcome, Row, race
from kernels import machine, native
from kernels.random_weights import SEED, random_generator

FULL_SIZE = (128, 64)  # width before the image, pixels
SECONDS, ROUNDS = 1.0, 8  # a row
GROWTH_SECONDS, GROWTH_ROUNDS = 0.3, 3
QUICK_SECONDS, QUICK_ROUNDS = 0.2, 2
START = time.perf_counter()


class Peaks:
    """The machine's limits: the best of several looks, in the same run."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], float] = {}

    def look(self) -> None:
        for key, rate in peak.measure().items():
            self.found[key] = max(rate, self.found.get(key, 0))


def measure(quick: bool) -> results.Result:
    """The whole run; the result as it is written."""
    described = machine.describe()
    peaks, differences = Peaks(), dict[Contestant, agreement.Difference]()
    speed, growth = entries.speed(), {} if quick else entries.growth()
    seconds, rounds = (QUICK_SECONDS, QUICK_ROUNDS) if quick else (SECONDS, ROUNDS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tell("writing the networks")
        exports.write_all([*speed, *growth], folder)
        tell(f"{len(speed)} contestants get ready")
        check = agreement.checker(speed, differences)
        main = race(speed, folder, seconds, rounds, check, peaks.look)
        tell("how the cost grows")
        grown = race(growth, folder, GROWTH_SECONDS, GROWTH_ROUNDS)
        tell("from file to first image")
        first = {
            variant: first_image.measure(folder / f"{variant}-128-64.safetensors")
            for variant in ("partial", "float")
        }
    return {
        "command": "make bench",
        "seed": SEED,
        "machine": described,
        "versions": {each.runtime: ready.version for each, ready in main.ready.items()},
        "peaks": [
            {"isa": isa, "operand": operand, "multiply_adds_a_second": rate}
            for (isa, operand), rate in peaks.found.items()
        ],
        "other_load": main.other_load,
        "rows": [row.to_json() | cost(row) for row in main.rows],
        "absent": [each.to_json() | {"reason": why} for each, why in main.absent.items()],
        "differences": [
            each.to_json() | {"mean": met.mean, "largest": met.largest}
            for each, met in differences.items()
        ],
        "memory": memory(main),
        "growth": [row.to_json() | cost(row) for row in grown.rows],
        "first_image": first,
    }


def cost(row: Row) -> dict[str, Any]:
    """Of one image by a contestant: multiply-adds, and of the kernels, bytes."""
    each = row.contestant
    spec = random_generator(each.variant, each.width, each.image_size)
    found: dict[str, Any] = {"multiply_adds": work.multiply_adds(spec)}
    if each.runtime == KERNELS:
        met = work.traffic(spec, each.mode, each.threads, row.batch)
        found |= {
            "weight_bytes": met.weights,
            "activation_bytes": met.activations,
            "scratch_bytes": met.scratch,
        }
    return found


def memory(outcome: Outcome) -> list[dict[str, Any]]:
    """Bytes of each full-size network on one thread: of its file, by which its process grew, and
    of the kernels what a prepared generator holds.
    """
    held = []
    for each, ready in outcome.ready.items():
        if each.threads == 1:
            row = {"file_bytes": ready.file_bytes, "grown_bytes": ready.grown_bytes}
            if each.runtime == KERNELS:
                made = native.NativeGenerator(random_generator(each.variant), each.mode)
                row["resident_bytes"] = sum(made.resident_bytes.values())
            held.append(each.to_json() | row)
    return held


def tell(what: str) -> None:
    print(f"{time.perf_counter() - START:4.0f} s  {what}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inference", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute or two; writes nothing")
    quick = parser.parse_args().quick
    result = measure(quick)
    print(tables.everything(result))
    if not quick:
        tell(f"wrote {results.write(result).name}; make results puts it into docs/kernels.md")


if __name__ == "__main__":
    main()
