"""Where a store's files lie, and how a file is read and written whole."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from io import BufferedRandom
from pathlib import Path
from typing import Protocol, cast

from model_store.errors import ReadOnlyStoreError, UnknownModelError, UnreadableError

LARGEST_FILE = 2**30  # bytes; the float generator at full size takes 51 million


class Folder(Protocol):
    """The files of a store, named "<model>/<file>"."""

    def names(self) -> list[str]:
        """Every file; none when there is no such folder."""

    def read(self, name: str) -> bytes:
        """A whole file. Raises UnknownModelError if it is absent, else UnreadableError."""

    def write(self, name: str, content: bytes) -> None:
        """Makes or replaces a file: readers find the old content or the new, never a part.

        Raises ReadOnlyStoreError where nothing can be written.
        """

    def delete(self, name: str) -> None:
        """Deletes a file. Raises ReadOnlyStoreError where nothing can be written."""

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Keeps other writers out meanwhile, as far as the place allows."""


class LocalFolder:
    """A folder of this machine; what is written is on disk when the call returns."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> list[str]:
        return [path.relative_to(self._root).as_posix() for path in self._root.glob("*/*")]

    def read(self, name: str) -> bytes:
        return read_file(self._root / name)

    def write(self, name: str, content: bytes) -> None:
        path = self._root / name
        with _local_errors():
            path.parent.mkdir(exist_ok=True)
            write_file(path, content)

    def delete(self, name: str) -> None:
        with _local_errors():
            (self._root / name).unlink()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        with _local_errors():
            self._root.mkdir(parents=True, exist_ok=True)
            folder = os.open(self._root, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)  # which unlocks


@contextlib.contextmanager
def _local_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ReadOnlyStoreError(f"the store cannot be written: {error.strerror}") from None


def read_file(path: Path) -> bytes:
    """A whole file. Raises UnknownModelError if it is absent, UnreadableError for other causes."""
    try:
        if not path.exists():
            raise UnknownModelError("there is no such file")
        if not path.is_file():
            raise UnreadableError("this is no file; a .safetensors file would be right")
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise UnreadableError(f"{size} bytes; at most {LARGEST_FILE} would be right")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"it cannot be read: {error.strerror}") from None


def write_file(path: Path, content: bytes) -> None:
    """Makes or replaces a file, as `replacing` does. Raises OSError."""
    with replacing(path) as file:
        file.write(content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BufferedRandom]:
    """A new file, to write and read, that takes the path's place when the block ends well: whoever
    opens the path gets the old content or the new.

    Until then it lies beside the path as `.<name>.<letters>`, and a killed process leaves it there.
    Content and name are on disk in the end. Raises OSError.
    """
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        try:
            yield cast(BufferedRandom, file.file)
            file.flush()
            os.fchmod(file.fileno(), 0o644)  # a temporary file is its owner's alone
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
