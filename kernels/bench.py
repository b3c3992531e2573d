"""Time the kernels: `python -m kernels.bench` prints a table, `--json FILE` writes the rows.

Weights are random: speed does not depend on them. A row is one generator on one instruction set at
one batch size; calls of the rows are interleaved in rounds, so that a busy moment hits all alike.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from kernels import machine
from kernels.generator import NUMPY, Generator, available_isas
from kernels.latents import latents
from kernels.native import LARGEST_COUNT
from kernels.random_weights import SEED, VARIANTS, random_generator

SIZES = tuple(8 << i for i in range(6))
Progress = Callable[[Iterable[int]], Iterable[int]]  # tqdm, say: shows how far a loop is


@dataclass
class Row:
    """One measurement; times are milliseconds an image."""

    variant: str
    isa: str
    width: int
    image_size: int
    threads: int
    batch: int
    resident_bytes: int
    multiply_adds: int
    median_ms: float = 0.0
    p10_ms: float = 0.0
    p90_ms: float = 0.0
    calls: int = 0
    times_ms: list[float] = field(default_factory=list, repr=False)

    def summarize(self) -> None:
        self.p10_ms, self.median_ms, self.p90_ms = (
            percentile(self.times_ms, percent) for percent in (10, 50, 90)
        )
        self.calls = len(self.times_ms)

    def to_json(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if name != "times_ms"}


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of the values do not exceed, between two of them in proportion."""
    return float(np.percentile(values, percent))


def rows_of(
    variants: Sequence[str],
    isas: Sequence[str],
    widths: Sequence[int],
    sizes: Sequence[int],
    threads: Sequence[int],
    batches: Sequence[int],
) -> Iterator[tuple[Row, Generator]]:
    """Every combination, with a prepared generator; of threads, as many as work, each number once.

    Raises ValueError for a width that makes no generator.
    """
    for variant, width, size in product(variants, widths, sizes):
        spec = random_generator(variant, width, size)
        work = sum(layer.geometry.multiply_adds for layer in spec.layers)
        had = set()
        for isa, count in product(isas, threads):
            generator = Generator(spec, count, isa)
            if (isa, generator.threads) in had:
                continue
            had.add((isa, generator.threads))
            held = sum(generator.resident_bytes.values())
            for batch in batches:
                row = Row(variant, isa, width, size, generator.threads, batch, held, work)
                yield row, generator


def measure(
    rows: Sequence[tuple[Row, Generator]], seconds: float, progress: Progress = iter
) -> None:
    """Fill the rows' figures; each gets about `seconds` of calls, and ten at least."""
    for row, generator in rows:
        generator.run(latents(SEED, row.batch, generator.latent_dim))  # warm
    rounds = 10
    for _ in progress(range(rounds)):
        for row, generator in rows:
            z = latents(SEED, row.batch, generator.latent_dim)
            end = time.perf_counter() + seconds / rounds
            while True:
                start = time.perf_counter()
                generator.run(z)
                stop = time.perf_counter()
                row.times_ms.append((stop - start) * 1e3 / row.batch)
                if stop >= end:
                    break
    for row, _ in rows:
        row.summarize()


def table(rows: Sequence[Row]) -> str:
    """The rows as text, aligned, a blank line between generators."""
    head = "variant  isa       width  pixels  threads  batch   ms an image   10 % – 90 %"
    lines = [head + "      G mult-adds/s   MB held"]
    last = rows[0]
    for r in rows:
        if (r.variant, r.isa, r.width, r.image_size) != (
            last.variant,
            last.isa,
            last.width,
            last.image_size,
        ):
            lines.append("")
        last = r
        spread = f"{r.p10_ms:.3f} – {r.p90_ms:.3f}"
        lines.append(
            f"{r.variant:8} {r.isa:9} {r.width:5} {r.image_size:7} {r.threads:8} {r.batch:6} "
            f"{r.median_ms:13.3f}   {spread:17}{r.multiply_adds / r.median_ms / 1e6:14.1f}"
            f"{r.resident_bytes / 1e6:10.2f}"
        )
    return "\n".join(lines)


def main(
    arguments: Sequence[str] | None = None,
    prog: str = "python -m kernels.bench",
    progress: Progress = iter,
) -> None:
    parser = argparse.ArgumentParser(prog=prog, description=__doc__)
    isas = available_isas()
    fast = [isa for isa in isas if isa not in (NUMPY, "portable")] or [NUMPY]
    several: Any = {"nargs": "+", "type": _positive, "metavar": "N"}
    parser.add_argument(
        "--variants",
        nargs="+",
        choices=VARIANTS,
        default=["partial", "float"],
        metavar="VARIANT",
        help=f"of {', '.join(VARIANTS)} (default: partial float)",
    )
    parser.add_argument(
        "--isas",
        nargs="+",
        choices=isas,
        default=fast,
        metavar="ISA",
        help="instruction sets of this machine (default: all that are fast)",
    )
    parser.add_argument(
        "--widths", **several, default=[128], help="channels before the image (default: 128)"
    )
    parser.add_argument(
        "--sizes",
        **several,
        choices=SIZES,
        default=[64],
        help="pixels, a power of two from 8 on (default: 64)",
    )
    parser.add_argument("--threads", **several, default=[1], help="kernel threads (default: 1)")
    parser.add_argument(
        "--batches", **several, default=[1, 8, 32], help="images a call (default: 1 8 32)"
    )
    parser.add_argument("--seconds", type=_seconds, default=1.0, help="for each row (default: 1)")
    parser.add_argument(
        "--json", type=_file, metavar="FILE", help="write rows and the machine's description here"
    )
    options = parser.parse_args(arguments)
    asked = (options.widths, options.sizes, options.threads, options.batches)
    try:
        rows = list(rows_of(options.variants, options.isas, *asked))
    except ValueError as error:
        parser.error(str(error))
    try:
        measure(rows, options.seconds, progress)
    except MemoryError as error:
        parser.error(f"a batch takes more memory than there is: {error}")
    described = machine.describe()
    print(f"{described['cpu']}, {described['cpus']} cores, kernels by {described['compiler']}\n")
    print(table([row for row, _ in rows]))
    if options.json:
        report = {"machine": described, "seed": SEED, "rows": [row.to_json() for row, _ in rows]}
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def _positive(text: str) -> int:
    value = int(text) if text.isdecimal() and len(text) <= len(str(LARGEST_COUNT)) else 0
    if not 1 <= value <= LARGEST_COUNT:
        raise argparse.ArgumentTypeError(f"must be 1 … {LARGEST_COUNT}, not {text!r}")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return value


def _file(text: str) -> Path:
    """Told before anything is measured, where it could not be written."""
    path = Path(text)
    try:
        if path.exists():
            path.open("ab").close()
        else:
            tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot write {path}: {error.strerror}") from None
    return path


if __name__ == "__main__":
    main()
