"""What `pbgen generate` and `pbgen compare` do, by this machine's kernels or by a service.

Libraries are imported where they are used, so that `pbgen --help` is quick.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK = 32  # images
LARGEST_GRID = 64
SUFFIXES = (".png", ".npy", ".tar")
T = TypeVar("T")


class WrongCallError(ValueError):
    """Arguments that cannot go together, or a file that cannot be written; told before any work."""


def failures() -> tuple[type[Exception], ...]:
    """What may go wrong without a fault of this program."""
    from model_store import ArtifactError
    from pbgen.errors import ServiceError

    found: list[type[Exception]] = [ArtifactError, ServiceError, ValueError, OSError]
    if httpx := sys.modules.get("httpx"):
        found += [httpx.TransportError, httpx.InvalidURL]
    return tuple(found)


def told(error: Exception) -> str:
    """A failure in a line; where a service cannot be reached, with its address."""
    line = " ".join(str(error).split())
    httpx = sys.modules.get("httpx")
    if httpx and isinstance(error, httpx.TransportError):
        address = str(error.request.url).partition("?")[0]
        return f"{address} cannot be reached: {line}"
    return line


def generate(options: argparse.Namespace) -> int:
    out = _file(options.out, SUFFIXES)
    if out.suffix == ".png" and options.count > LARGEST_GRID:
        raise WrongCallError(
            f"a .png holds at most {LARGEST_GRID} faces, not {options.count}: use .npy or .tar"
        )
    part = out.with_name(f"{out.name}.part")
    make = _served if options.url else _local
    try:
        with closing(make(options)) as images:
            _write(part, out.suffix, iter(_shown(images, options.count)), options.count)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    last = options.seed + options.count - 1
    seeds = f"seed {last}" if options.count == 1 else f"seeds {options.seed} … {last}"
    print(f"wrote {out}: {seeds} by {options.variant}", file=sys.stderr)
    return 0


@dataclass(frozen=True)
class Row:
    """One variant of a comparison; `swd` is None where it was not measured."""

    variant: str
    image_ms: float
    resident_bytes: int
    artifact_bytes: int
    swd: float | None
    images: NDArray[np.uint8]


def compare(options: argparse.Namespace) -> int:
    names = options.variants
    if len(names) not in (2, 3) or len(set(names)) != len(names):
        given = " ".join(names)
        raise WrongCallError(f"--variants must be two or three different ones, not {given}")
    out = _file(options.out, (".png",)) if options.out else None
    rows = _compared_by_service(options) if options.url else _compared_here(options)
    print(f"{'VARIANT':12}{'MS AN IMAGE':>12}{'BYTES HELD':>14}{'BYTES STORED':>14}{'SWD':>8}")
    for row in rows:
        swd = "–" if row.swd is None else f"{row.swd:.1f}"
        print(
            f"{row.variant:12}{row.image_ms:12.2f}{row.resident_bytes:14,}"
            f"{row.artifact_bytes:14,}{swd:>8}"
        )
    first, *others = rows
    for other in others:
        memory = first.resident_bytes / other.resident_bytes
        times = first.image_ms / other.image_ms
        print(
            f"{first.variant} ÷ {other.variant}: {times:.1f} × the time, {memory:.1f} × the memory"
        )
    if out:
        import numpy as np
        from PIL import Image

        lines = [np.concatenate(list(row.images), axis=1) for row in rows]
        Image.fromarray(np.concatenate(lines)).save(out)
    return 0


def _file(name: str, suffixes: Sequence[str]) -> Path:
    """A file that can be written; looked at before the work begins."""
    path = Path(name)
    if path.suffix not in suffixes:
        raise WrongCallError(f"--out must end in {', '.join(suffixes)}, not {path.name!r}")
    if not path.parent.is_dir():
        raise WrongCallError(f"there is no folder {path.parent}")
    return path


def _compared_by_service(options: argparse.Namespace) -> list[Row]:
    from pbgen.client import Client

    with Client(options.url) as client:
        found = client.compare(options.variants, seed=options.seed, count=options.count)
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


def _compared_here(options: argparse.Namespace) -> list[Row]:
    import numpy as np

    import kernels
    import model_store

    rows = []
    for name in options.variants:
        artifact = model_store.Store().open(name)
        generator = kernels.Generator(artifact.spec)
        inputs = kernels.latents(options.seed, options.count, generator.latent_dim)
        generator.run(inputs[:1])  # warm
        images, times_ms = [], []
        for each in _shown(inputs, len(inputs), name):
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


def _shown(images: Iterable[T], total: int, what: str | None = None) -> Iterable[T]:
    """The same images, with a bar on a terminal once they take longer than a second."""
    from tqdm import tqdm

    bar: Iterable[T] = tqdm(images, what, total, unit="face", delay=1, disable=None)
    return bar


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
    from service.ustar import END, member

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
        with path.open("wb") as file:
            for i, image in enumerate(images):
                file.write(member(f"{i:08}.png", FORMATS["png"].encode_one(image)))
            file.write(END)
