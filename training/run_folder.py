"""The folder of a run: one process trains in it at a time, and what cannot be written names it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training import parallel

LOCK = ".lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Makes a run's folder, and keeps other processes from training in it until the block ends.

    FileExistsError if it is a file or below one, BlockingIOError if another process trains in it.
    """
    if parallel.rank() > 0:
        yield
        return
    for path in (folder, *folder.parents):
        if path.is_file():
            raise FileExistsError(f"{path} is a file; a run is kept in a folder")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with the process, however
        except BlockingIOError:
            raise BlockingIOError(f"{folder} is being trained by another process") from None
        yield


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Names the folder, and the way on, in the error of a full disk or a limit."""
    try:
        yield
    except OSError as error:
        raise OSError(
            f"{folder} cannot be written: {error.strerror or error}; once it can, the same "
            "command goes on from the last checkpoint"
        ) from error
