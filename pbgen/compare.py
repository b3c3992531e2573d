"""`pbgen compare`: the same seeds by several variants, by this machine's kernels or a service."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import kernels
import model_store
from model_store.folder import write_file
from pbgen.options import add_seed_and_url, file, integer, named, progress, seeds_of
from service import strips

DESCRIPTION = """\
Draws the same seeds by several variants and measures each: the median time of an image in the
kernels, bytes held and stored, distance to real faces (SWD × 10³, lower is better).
"""
EPILOG = """\
examples:
  pbgen compare
  pbgen compare --variants float full partial --seed 50 --out compared.png
  pbgen compare --variants partial mine.safetensors
"""


@dataclass(frozen=True)
class Row:
    """One variant of a comparison; `swd` is None where it was not measured."""

    variant: str  # as it was asked for
    image_ms: float
    resident_bytes: int
    artifact_bytes: int
    swd: float | None
    images: NDArray[np.uint8]  # [N, size, size, 3]


def main(arguments: Sequence[str], prog: str) -> int:
    parser = _parser(prog)
    options = parser.parse_args(arguments)
    names = options.variants
    if len(names) not in (2, 3) or len(set(names)) != len(names):
        parser.error(f"--variants must be two or three different ones, not {' '.join(names)}")
    seeds = seeds_of(options, parser)
    rows = _by_service(options.url, names, seeds) if options.url else _by_kernels(names, seeds)
    print(_table(rows))
    wrote = ""
    if options.out:
        write_file(options.out, _picture(rows))
        wrote = f"wrote {options.out}: "
    print(f"{wrote}{named(seeds)}", file=sys.stderr)
    return 0


def _by_service(url: str, names: Sequence[str], seeds: range) -> list[Row]:
    from pbgen.client import Client  # needs an extra

    with Client(url) as client:
        found = client.compare(names, seed=seeds[0], count=len(seeds))
    return [
        Row(
            name,
            row["timing_ms"]["generate"],
            row["resident_bytes"],
            row["artifact_bytes"],
            row["swd"],
            images,
        )
        for row, (name, images) in zip(found.report["variants"], found.images.items(), strict=True)
    ]


def _by_kernels(names: Sequence[str], seeds: range) -> list[Row]:
    rows = []
    for name in names:
        artifact = model_store.read(name)
        generator = kernels.Generator(artifact.spec)
        inputs = kernels.latents(seeds[0], len(seeds), generator.latent_dim)
        generator.run(inputs[:1])  # warm
        images, times_ms = [], []
        for each in progress(inputs, len(inputs), name):
            start = time.perf_counter()
            images.append(generator.run(each[None]))
            times_ms.append((time.perf_counter() - start) * 1e3)
        rows.append(
            Row(
                name,
                statistics.median(times_ms),
                sum(generator.resident_bytes.values()),
                artifact.file_bytes,
                (artifact.manifest["swd"] or {}).get("mean"),
                np.concatenate(images),
            )
        )
    return rows


def _table(rows: Sequence[Row]) -> str:
    """The figures as text, and below what the first variant costs in terms of each other one."""
    width = max(12, *(len(row.variant) for row in rows))
    head = f"{'MS AN IMAGE':>12}{'BYTES HELD':>14}{'BYTES STORED':>14}{'SWD':>8}"
    lines = [f"{'VARIANT':{width}}{head}"]
    for row in rows:
        swd = "–" if row.swd is None else f"{row.swd:.1f}"
        lines.append(
            f"{row.variant:{width}}{row.image_ms:12.2f}{row.resident_bytes:14,}"
            f"{row.artifact_bytes:14,}{swd:>8}"
        )
    first, *others = rows
    for other in others:
        time = _ratio(first.image_ms / other.image_ms)
        memory = _ratio(first.resident_bytes / other.resident_bytes)
        lines.append(f"{first.variant} ÷ {other.variant}: {time} × the time, {memory} × the memory")
    return "\n".join(lines)


def _ratio(value: float) -> str:
    """27.7, and 0.036 the other way round."""
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def _picture(rows: Sequence[Row]) -> bytes:
    """The PNG of /compare?format=png: under a line about each variant its faces."""
    return strips.draw(
        [
            (
                strips.caption(row.variant, row.image_ms, row.resident_bytes, row.swd),
                list(row.images),
            )
            for row in rows
        ]
    )


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--variants",
        nargs="+",
        default=["float", "partial"],
        metavar="VARIANT",
        help="two or three, of the store or, without --url, files (default: float partial)",
    )
    parser.add_argument(
        "--count", type=integer(1, 64), default=8, metavar="N", help="seeds (default: 8)"
    )
    parser.add_argument(
        "--out",
        type=file(".png"),
        metavar="FILE.png",
        help="a picture: a row of faces a variant, under its figures",
    )
    add_seed_and_url(parser)
    return parser
