"""One shard: made whole or not at all, and known again by its checksum.

Its checksum lies beside it, as `sha256sum --check` reads it, and is there before the shard is: so a
shard counts as made if both are there and agree.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import BinaryIO

import numpy as np
import numpy.lib.format as npy

from kernels import Generator
from kernels.latents import latents_of
from model_store.folder import replacing, write_file
from service.bulk.plan import Format, Plan
from service.images import Pixels, encode_png
from service.ustar import END, member

CHUNK = 64  # images in memory at a time
SEED_DIGITS = 20  # as many as the largest seed has
CHECKSUM = ".sha256"


@dataclass(frozen=True)
class Shard:
    """A shard that is there."""

    number: int
    sha256: str
    file_bytes: int
    made: bool  # now; False: it was there
    duration_s: float  # of making or of checking it


def ensure(folder: Path, plan: Plan, number: int, generator: Generator) -> Shard:
    """Makes a shard unless it is there and whole. Raises OSError."""
    began = perf_counter()
    path = folder / plan.name(number)
    sha256 = checked(path)
    made = sha256 is None
    if sha256 is None:
        sha256 = make(path, plan.format, plan.seeds(number), generator)
    return Shard(number, sha256, path.stat().st_size, made, perf_counter() - began)


def checked(path: Path) -> str | None:
    """The checksum of a shard that is whole; None if it, or its checksum, is absent or damaged."""
    try:
        told = path.with_name(path.name + CHECKSUM).read_text("ascii", "replace").partition(" ")[0]
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
    return found if found == told else None


def make(path: Path, file_format: Format, seeds: range, generator: Generator) -> str:
    """Writes a shard and its checksum, which is returned. Raises OSError."""
    with replacing(path) as file:
        WRITERS[file_format](file, seeds, generator)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        line = f"{sha256}  {path.name}\n"
        write_file(path.with_name(path.name + CHECKSUM), line.encode())
    return sha256


def write_tar(file: BinaryIO, seeds: range, generator: Generator) -> None:
    """PNGs that are called by their seeds."""
    for part, pictures in _made(seeds, generator):
        for seed, picture in zip(part, pictures, strict=True):
            file.write(member(f"{seed:0{SEED_DIGITS}d}.png", encode_png(picture)))
    file.write(END)


def write_npz(file: BinaryIO, seeds: range, generator: Generator) -> None:
    """`images` u8 [N, S, S, 3] and `seeds` u64 [N], as numpy.load reads them."""
    size = generator.image_size
    shape = (len(seeds), size, size, 3)
    with zipfile.ZipFile(file, "w") as archive:
        # A ZipInfo has a fixed date, so that equal images give equal bytes.
        with archive.open(zipfile.ZipInfo("images.npy"), "w", force_zip64=True) as images:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            npy.write_array_header_1_0(images, header)
            for _, pictures in _made(seeds, generator):
                images.write(pictures.data)
        with archive.open(zipfile.ZipInfo("seeds.npy"), "w") as numbers:
            npy.write_array(numbers, np.array(seeds, np.uint64), allow_pickle=False)


WRITERS: dict[Format, Callable[[BinaryIO, range, Generator], None]] = {
    "tar": write_tar,
    "npz": write_npz,
}


def _made(seeds: range, generator: Generator) -> Iterator[tuple[range, Pixels]]:
    """The images of the seeds, a chunk at a time."""
    for i in range(0, len(seeds), CHUNK):
        part = seeds[i : i + CHUNK]
        latents = latents_of(np.array(part, np.uint64), generator.latent_dim)
        yield part, generator.run(latents)
