"""What `pbgen generate` and `pbgen compare` do, by this machine's kernels or by a service.

Libraries are imported where they are used, so that `pbgen --help` is quick.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import tarfile
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK = 32  # images
LARGEST_GRID = 64
SUFFIXES = (".png", ".npy", ".tar")


def failures() -> tuple[type[Exception], ...]:
    """What may go wrong without a fault of this program."""
    from model_store import ArtifactError
    from pbgen.errors import ServiceError

    found: list[type[Exception]] = [ArtifactError, ServiceError, ValueError, OSError]
    if httpx := sys.modules.get("httpx"):
        found += [httpx.TransportError, httpx.InvalidURL]
    return tuple(found)


def generate(options: argparse.Namespace) -> int:
    out = Path(options.out)
    if out.suffix not in SUFFIXES:
        raise ValueError(f"--out must end in {', '.join(SUFFIXES)}, not {out.name!r}")
    if out.suffix == ".png" and options.count > LARGEST_GRID:
        raise ValueError(
            f"a .png holds at most {LARGEST_GRID} faces, not {options.count}: use .npy or .tar"
        )
    from tqdm import tqdm

    part = out.with_name(f"{out.name}.part")
    make = _served if options.url else _local
    try:
        with closing(make(options)) as images:
            shown = tqdm(images, total=options.count, unit="face", delay=1, disable=None)
            _write(part, out.suffix, iter(shown), options.count)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return 0


def compare(options: argparse.Namespace) -> int:
    names = options.variants
    if len(names) not in (2, 3) or len(set(names)) != len(names):
        raise ValueError(f"--variants must be two or three different ones, not {' '.join(names)}")
    if options.out and Path(options.out).suffix != ".png":
        raise ValueError(f"--out must end in .png, not {options.out!r}")
    rows = _compared_by_service(options) if options.url else _compared_here(options)
    print(f"{'VARIANT':10} {'MS AN IMAGE':>12} {'RESIDENT BYTES':>15}")
    for name, milliseconds, resident, _ in rows:
        print(f"{name:10} {milliseconds:12.2f} {resident:15,}")
    if options.out:
        import numpy as np
        from PIL import Image

        lines = [np.concatenate(list(images), axis=1) for *_, images in rows]
        Image.fromarray(np.concatenate(lines)).save(options.out)
    return 0


Row = tuple[str, float, int, "NDArray[np.uint8]"]


def _compared_by_service(options: argparse.Namespace) -> list[Row]:
    from pbgen.client import Client

    with Client(options.url) as client:
        found = client.compare(options.variants, seed=options.seed, count=options.count)
    return [
        (
            row["variant"],
            row["timing_ms"]["generate"],
            row["resident_bytes"],
            found.images[row["variant"]],
        )
        for row in found.report["variants"]
    ]


def _compared_here(options: argparse.Namespace) -> list[Row]:
    import numpy as np

    import kernels
    import model_store

    rows = []
    for name in options.variants:
        generator = kernels.Generator(model_store.load(name))
        inputs = kernels.latents(options.seed, options.count, generator.latent_dim)
        generator.run(inputs[:1])  # warm
        images, times_ms = [], []
        for each in inputs:
            start = time.perf_counter()
            images.append(generator.run(each[None]))
            times_ms.append((time.perf_counter() - start) * 1e3)
        held = sum(generator.resident_bytes.values())
        rows.append((name, statistics.median(times_ms), held, np.concatenate(images)))
    return rows


def _served(options: argparse.Namespace) -> Generator[NDArray[np.uint8], None, None]:
    from pbgen.client import Client

    with Client(options.url) as client:
        yield from client.stream(options.variant, seed=options.seed, count=options.count)


def _local(options: argparse.Namespace) -> Generator[NDArray[np.uint8], None, None]:
    import kernels
    import model_store

    generator = kernels.Generator(model_store.load(options.variant))
    for start in range(0, options.count, CHUNK):
        count = min(CHUNK, options.count - start)
        yield from generator.run(kernels.latents(options.seed + start, count, generator.latent_dim))


def _write(path: Path, suffix: str, images: Iterator[NDArray[np.uint8]], count: int) -> None:
    import numpy as np

    from service.images import FORMATS

    if suffix == ".png":
        path.write_bytes(FORMATS["png"].encode(np.stack(list(images)), None))
    elif suffix == ".npy":
        first = next(images)
        array = np.lib.format.open_memmap(path, "w+", np.uint8, (count, *first.shape))
        array[0] = first
        for i, image in enumerate(images, 1):
            array[i] = image
        array.flush()
    else:
        with tarfile.open(path, "w") as tar:
            for i, image in enumerate(images):
                content = FORMATS["png"].encode_one(image)
                member = tarfile.TarInfo(f"{i:08}.png")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
