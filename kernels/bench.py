"""Time the kernels: `python -m kernels.bench` prints a table, `--json FILE` writes the rows.

Weights are random: speed does not depend on them. A row is one generator on one instruction set at
one batch size; calls of the rows are interleaved in rounds, so that a busy moment hits all alike.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import pairwise, product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kernels import native
from kernels.generator import NUMPY, Generator, available_isas
from kernels.latents import latents
from kernels.spec import WEIGHT_DTYPES, Deconvolution, GeneratorSpec, LayerSpec, Precision

VARIANTS = ("partial", "full", "float")
LATENT_DIM = 100
SEED = 1


@dataclass
class Row:
    """One measurement; times are milliseconds an image."""

    variant: str
    isa: str
    base: int
    image_size: int
    threads: int
    batch: int
    resident_bytes: int
    multiply_adds: int
    median_ms: float = 0.0
    low_ms: float = 0.0  # 10th percentile
    high_ms: float = 0.0  # 90th percentile
    calls: int = 0
    times_ms: list[float] = field(default_factory=list, repr=False)

    def summarize(self) -> None:
        deciles = statistics.quantiles(self.times_ms, n=10)
        self.median_ms = statistics.median(self.times_ms)
        self.low_ms, self.high_ms, self.calls = deciles[0], deciles[-1], len(self.times_ms)

    def to_json(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if name != "times_ms"}


def random_generator(variant: str, base: int = 128, image_size: int = 64) -> GeneratorSpec:
    """DCGAN with random weights: 4×4, then a doubling a layer; widths fall by halves to `base`."""
    doublings = image_size.bit_length() - 3  # 4 → image_size
    widths = [base * 2**i for i in reversed(range(doublings))] + [3]
    shapes = [Deconvolution(LATENT_DIM, widths[0], 4, 1, 0, 1)]
    for c_in, c_out in pairwise(widths):
        shapes.append(Deconvolution(c_in, c_out, 4, 2, 1, shapes[-1].size_out))
    kinds = [Precision.FLOAT if variant == "float" else Precision.BINARY] * len(shapes)
    if variant == "partial":
        kinds[-1] = Precision.FIXED
    rng = np.random.default_rng(SEED)
    return GeneratorSpec(tuple(map(_random_layer, shapes, kinds, [rng] * len(shapes))))


def _random_layer(g: Deconvolution, kind: Precision, rng: np.random.Generator) -> LayerSpec:
    dtype = WEIGHT_DTYPES[kind]
    weight: NDArray[np.generic]
    shape = (g.kernel, g.kernel, g.c_out, g.c_in)
    if kind is Precision.FLOAT:
        weight = rng.standard_normal(shape, np.float32) / np.float32(np.sqrt(4 * g.c_in))
        scale = 1.0
    elif kind is Precision.FIXED:
        weight, scale = rng.integers(-4096, 4096, shape, dtype), 1e-3
    else:
        weight, scale = rng.integers(0, 256, (*shape[:3], -(-g.c_in // 8)), dtype), 0.5
    ones = np.ones(g.c_out, np.float32)
    return LayerSpec(g, kind, weight, ones * np.float32(scale), ones)


def rows_of(
    variants: Sequence[str],
    isas: Sequence[str],
    bases: Sequence[int],
    sizes: Sequence[int],
    threads: Sequence[int],
    batches: Sequence[int],
) -> Iterator[tuple[Row, Generator]]:
    """Every combination, with a prepared generator."""
    for variant, base, size in product(variants, bases, sizes):
        spec = random_generator(variant, base, size)
        work = sum(layer.geometry.multiply_adds for layer in spec.layers)
        for isa, count in product(isas, threads):
            generator = Generator(spec, count, isa)
            held = sum(generator.resident_bytes.values())
            for batch in batches:
                yield Row(variant, isa, base, size, count, batch, held, work), generator


def measure(rows: Sequence[tuple[Row, Generator]], seconds: float) -> None:
    """Fill the rows' figures; each gets about `seconds` of calls, and ten at least."""
    for row, generator in rows:
        generator.run(latents(SEED, row.batch, generator.latent_dim))  # warm
    rounds = 10
    for _ in range(rounds):
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


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "compiler": native.compiler(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": platform.platform(),
    }


def table(rows: Sequence[Row]) -> str:
    """The rows as text, aligned."""
    lines = ["variant  isa       base  size  threads  batch   ms/image   10 %–90 %        MB held"]
    for r in rows:
        lines.append(
            f"{r.variant:8} {r.isa:9} {r.base:4} {r.image_size:5} {r.threads:8} {r.batch:6} "
            f"{r.median_ms:10.3f}   {r.low_ms:.3f}–{r.high_ms:.3f} {r.resident_bytes / 1e6:12.2f}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m kernels.bench", description=__doc__)
    fast = [isa for isa in available_isas() if isa not in (NUMPY, "portable")] or [NUMPY]
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=["partial", "float"])
    parser.add_argument("--isas", nargs="+", choices=available_isas(), default=fast)
    parser.add_argument(
        "--bases", nargs="+", type=int, default=[128], help="width before the image"
    )
    parser.add_argument("--sizes", nargs="+", type=int, default=[64], help="pixels: 8, 16, 32, …")
    parser.add_argument("--threads", nargs="+", type=int, default=[1])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=1.0, help="a row")
    parser.add_argument("--json", type=Path, help="write rows and the machine's description here")
    options = parser.parse_args(arguments)
    rows = list(
        rows_of(
            options.variants,
            options.isas,
            options.bases,
            options.sizes,
            options.threads,
            options.batches,
        )
    )
    measure(rows, options.seconds)
    print(table([row for row, _ in rows]))
    if options.json:
        when = datetime.now(UTC).isoformat(timespec="seconds")
        report = {"measured_at": when, "machine": machine(), "seed": SEED}
        report["rows"] = [row.to_json() for row, _ in rows]
        options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
