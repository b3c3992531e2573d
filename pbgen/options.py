"""What `pbgen generate` and `pbgen compare` take alike. What is wrong is told before any work."""

from __future__ import annotations

import argparse
import os
import secrets
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from kernels.latents import LARGEST_SEED

T = TypeVar("T")


def integer(low: int, high: int) -> Callable[[str], int]:
    """The type of an argument that is an integer from `low` to `high`."""

    def parse(text: str) -> int:
        value = int(text) if text.isdecimal() else -1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be {low} … {high}, not {text!r}")
        return value

    return parse


def file(*suffixes: str) -> Callable[[str], Path]:
    """The type of an argument that is a file which can be written."""

    def parse(text: str) -> Path:
        path = Path(text)
        if path.suffix not in suffixes:
            raise argparse.ArgumentTypeError(
                f"must end in {', '.join(suffixes)}, not {path.name!r}"
            )
        if not os.path.isdir(path.parent):
            raise argparse.ArgumentTypeError(f"there is no folder {path.parent}")
        if os.path.isdir(path):
            raise argparse.ArgumentTypeError(f"cannot write {path}: it is a folder")
        try:
            tempfile.TemporaryFile(dir=path.parent).close()
        except OSError as error:
            raise argparse.ArgumentTypeError(f"cannot write {path}: {error.strerror}") from None
        return path

    return parse


def add_seed_and_url(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seed",
        type=integer(0, LARGEST_SEED),
        metavar="N",
        help="the first, 0 … 2⁶⁴ − 1 (default: drawn, and told)",
    )
    parser.add_argument(
        "--url",
        type=_url,
        default=os.environ.get("PBGEN_URL") or None,
        help="ask this service, with the key in $PBGEN_KEY if there is one "
        "(default: $PBGEN_URL, else this machine's kernels)",
    )


def seeds_of(options: argparse.Namespace, parser: argparse.ArgumentParser) -> range:
    """The seeds that are asked for, from one drawn if none is given."""
    # As many bits as the service draws: a float64 keeps them whole.
    first = secrets.randbits(53) if options.seed is None else options.seed
    last = first + options.count - 1
    if last > LARGEST_SEED:
        parser.error(f"seed + count − 1 must be at most {LARGEST_SEED}, not {last}")
    return range(first, last + 1)


def named(seeds: range) -> str:
    """The seeds in words."""
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} … {seeds[-1]}"


def progress(faces: Iterable[T], total: int, what: str | None = None) -> Iterable[T]:
    """The same faces, with a bar on a terminal once they take longer than a second."""
    bar: Iterable[T] = tqdm(faces, what, total, unit="face", delay=1, disable=None)
    return bar


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(
            f"it or PBGEN_URL must begin with http:// or https://, not {text!r}"
        )
    return text
