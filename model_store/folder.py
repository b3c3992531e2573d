"""Where a store's files lie, and how a file is read and written whole."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
import weakref
from collections.abc import Iterator
from io import BufferedRandom
from pathlib import Path
from typing import Protocol, cast

from model_store.errors import (
    ArtifactError,
    ReadOnlyStoreError,
    UnknownModelError,
    UnreadableError,
    VersionInUseError,
)

LARGEST_FILE = 2**30  # bytes; the float generator at full size takes 51 million


class Hold:
    """A file that nobody on this machine deletes by `Folder.delete` from `take` to `release`, or to
    the end of this process. Of a place that cannot do that it holds nothing.
    """

    def __init__(self, file: int | None = None) -> None:
        self._file = file  # a descriptor, which is the hold's own
        if file is not None:
            weakref.finalize(self, os.close, file)

    def take(self) -> None:
        self._lock(fcntl.LOCK_SH)

    def release(self) -> None:
        self._lock(fcntl.LOCK_UN)

    def _lock(self, operation: int) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # being deleted just now, or a place without locks
                fcntl.flock(self._file, operation | fcntl.LOCK_NB)


class Folder(Protocol):
    """The files of a store, named "<model>/<file>"."""

    def names(self, model: str = "") -> list[str]:
        """What lies right in the store, or in a model's folder: nothing if that is a file or not
        there.

        Raises UnreadableError, of a store that is not there too. Only at a URL of a kind that knows
        no empty folders, as object stores do, such a one is taken to be empty.
        """

    def read(self, name: str) -> bytes:
        """A whole file. Raises UnknownModelError if it is absent, else UnreadableError."""

    def write(self, name: str, content: bytes, new: bool = False) -> None:
        """Makes or replaces a file: readers find the old content or the new, never a part.

        Raises ReadOnlyStoreError where nothing can be written, and for a `new` file that another
        writer has made meanwhile, as far as `locked` does not keep that out.
        """

    def delete(self, name: str) -> None:
        """Deletes a file. Raises VersionInUseError for one that is held, ReadOnlyStoreError where
        nothing can be written.
        """

    def hold(self, name: str) -> Hold:
        """A file's hold, not yet taken."""

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Keeps other writers out meanwhile, as far as the place allows."""


class LocalFolder:
    """A folder of this machine; what is written is on disk when the call returns."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self, model: str = "") -> list[str]:
        what = "its folder" if model else "the store"
        with _local_errors(UnreadableError, f"{what} cannot be read"):
            try:
                return os.listdir(self._root / model)
            except (FileNotFoundError, NotADirectoryError):
                if model:  # it may have vanished meanwhile
                    return []
                raise UnreadableError(
                    "the store is no folder that is there; --store or PBGEN_STORE must name one, "
                    "or a URL"
                ) from None

    def read(self, name: str) -> bytes:
        return read_file(self._root / name)

    def write(self, name: str, content: bytes, new: bool = False) -> None:
        path = self._root / name
        with _local_errors():
            _make_folder(path.parent)
            write_file(path, content)

    def delete(self, name: str) -> None:
        path = self._root / name
        with _local_errors():
            file = _open(path)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                sync_folder(path.parent)
            except BlockingIOError:
                raise VersionInUseError(
                    "a service on this machine serves it; let that serve another version first"
                ) from None
            finally:
                os.close(file)

    def hold(self, name: str) -> Hold:
        try:
            return Hold(_open(self._root / name))
        except (OSError, UnreadableError):  # `read` tells why
            return Hold()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        with _local_errors():
            _make_folder(self._root)
            folder = os.open(self._root, os.O_RDONLY)
        try:
            with _local_errors():
                fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)  # which unlocks


@contextlib.contextmanager
def _local_errors(
    kind: type[ArtifactError] = ReadOnlyStoreError, problem: str = "the store cannot be written"
) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise kind(f"{problem}: {error.strerror}") from None


def read_file(path: Path) -> bytes:
    """A whole file. Raises UnknownModelError if it is absent, UnreadableError for other causes."""
    try:
        with open(_open(path), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST_FILE:
                raise UnreadableError(f"{size} bytes; at most {LARGEST_FILE} would be right")
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        raise UnknownModelError("there is no such file") from None
    except OSError as error:
        raise UnreadableError(f"it cannot be read: {error.strerror}") from None


def _open(path: Path) -> int:
    """A descriptor of a file, to read. Raises OSError, and UnreadableError for what is no file:
    a pipe would let its reader wait for a writer."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    raise UnreadableError("this is no file; a .safetensors file would be right")


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
    sync_folder(path.parent)


def _make_folder(path: Path) -> None:
    """Makes a folder and those that it lies in, where they are not there; their names are on disk
    then."""
    for folder in reversed((path, *path.parents)):
        if not folder.is_dir():
            folder.mkdir(exist_ok=True)
            sync_folder(folder.parent)


def sync_folder(path: Path) -> None:
    """Waits until the names in a folder are on disk."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
