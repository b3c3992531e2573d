"""`pbgen generate`: faces into a file, by this machine's kernels or by a service."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from io import BufferedRandom

import numpy as np
from numpy.typing import NDArray

import kernels
import model_store
from model_store.folder import replacing
from pbgen.options import add_seed_and_url, file, integer, named, progress, seeds_of
from service.images import FORMATS
from service.ustar import END, member

CHUNK = 32  # images
LARGEST_GRID = 64
PNG = FORMATS["png"]
DESCRIPTION = """\
Draws faces of consecutive seeds into a file. A seed's face is the same on every machine, from here
and from a service.
"""
EPILOG = """\
examples:
  pbgen generate --seed 50 --out face.png
  pbgen generate --variant full --count 16 --out sixteen.png
  pbgen generate --seed 0 --count 100000 --out faces.tar
  PBGEN_KEY=… pbgen generate --url http://127.0.0.1:8000 --count 1000 --out faces.npy
"""

Image = NDArray[np.uint8]  # [size, size, 3]


def main(arguments: Sequence[str], prog: str) -> int:
    parser = _parser(prog)
    options = parser.parse_args(arguments)
    out = options.out
    if out.suffix == ".png" and options.count > LARGEST_GRID:
        parser.error(
            f"a .png holds at most {LARGEST_GRID} faces, not {options.count}: use .npy or .tar"
        )
    seeds = seeds_of(options, parser)
    make = _by_service(options, seeds) if options.url else _by_kernels(options.variant, seeds)
    with replacing(out) as into, closing(make) as images:
        WRITERS[out.suffix](into, progress(images, len(seeds)), len(seeds))
    print(f"wrote {out}: {named(seeds)} by {options.variant}", file=sys.stderr)
    return 0


def _by_service(options: argparse.Namespace, seeds: range) -> Generator[Image, None, None]:
    from pbgen.client import Client  # needs an extra

    with Client(options.url) as client:
        yield from client.stream(options.variant, seed=seeds[0], count=len(seeds))


def _by_kernels(variant: str, seeds: range) -> Generator[Image, None, None]:
    generator = kernels.Generator(model_store.load(variant))
    for start in range(0, len(seeds), CHUNK):
        some = seeds[start : start + CHUNK]
        yield from generator.run(kernels.latents(some[0], len(some), generator.latent_dim))


def _write_png(file: BufferedRandom, images: Iterable[Image], count: int) -> None:
    file.write(PNG.encode(np.stack(list(images)), None))


def _write_npy(file: BufferedRandom, images: Iterable[Image], count: int) -> None:
    for i, image in enumerate(images):
        if i == 0:
            header = {"descr": "|u1", "fortran_order": False, "shape": (count, *image.shape)}
            np.lib.format.write_array_header_1_0(file, header)
        file.write(image.tobytes())


def _write_tar(file: BufferedRandom, images: Iterable[Image], count: int) -> None:
    for i, image in enumerate(images):
        file.write(member(f"{i:08}.png", PNG.encode_one(image)))
    file.write(END)


WRITERS = {".png": _write_png, ".npy": _write_npy, ".tar": _write_tar}


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--variant", default="partial", help="float, full, partial (default), or partial@2"
    )
    parser.add_argument(
        "--count",
        type=integer(1, 10_000_000),
        default=1,
        metavar="N",
        help="faces, of seed, seed + 1, … (default: 1)",
    )
    parser.add_argument(
        "--out",
        type=file(*WRITERS),
        default="faces.png",
        metavar="FILE",
        help=f".png: one picture, at most {LARGEST_GRID} faces as a grid; .npy: u8 [N, 64, 64, 3]; "
        ".tar: a PNG a face (default: faces.png)",
    )
    add_seed_and_url(parser)
    return parser
