"""A store at a URL, through fsspec: object stores, HTTP servers, memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from model_store.errors import (
    ArtifactError,
    ReadOnlyStoreError,
    UnknownModelError,
    UnreadableError,
)
from model_store.folder import LARGEST_FILE, Hold

# Kinds of URL, by fsspec's names, where nothing at an address means that there is no store. Others,
# object stores, know no empty folders.
WITH_FOLDERS = {"http", "https", "local", "memory"}


class RemoteFolder:
    """A `Folder` that fsspec reaches: "https://host/models", "s3://bucket/models", "memory://m".

    Over HTTP the server has to list its folders, and nothing can be written. An object store puts
    a file whole; of two writers at once, the one that comes second with a version is refused where
    the back end can tell. Raises UnreadableError without fsspec.
    """

    def __init__(self, url: str) -> None:
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise UnreadableError(
                "a store at a URL needs: pip install --editable '.[remote]'"
            ) from None
        with _errors():
            # Others may publish at any time, so no listing is remembered.
            self._files, self._root = url_to_fs(url.rstrip("/"), use_listings_cache=False)
        kinds = self._files.protocol
        self._kinds = (kinds,) if isinstance(kinds, str) else kinds

    def names(self, model: str = "") -> list[str]:
        path = f"{self._root}/{model}".rstrip("/")
        with _errors():
            try:
                found = [str(each).rstrip("/") for each in self._files.ls(path, detail=False)]
            except (FileNotFoundError, NotADirectoryError):
                if model or WITH_FOLDERS.isdisjoint(self._kinds):
                    return []
                raise UnreadableError(
                    "there is no store at this address; --store or PBGEN_STORE must name one"
                ) from None
        return [each.rpartition("/")[2] for each in found if each != path]

    def read(self, name: str) -> bytes:
        with _errors(), self._files.open(f"{self._root}/{name}", "rb") as file:
            content = bytes(file.read(LARGEST_FILE + 1))
        if len(content) > LARGEST_FILE:
            raise UnreadableError(f"more than {LARGEST_FILE} bytes; at most that would be right")
        return content

    def write(self, name: str, content: bytes, new: bool = False) -> None:
        with _errors(ReadOnlyStoreError, "written"):
            how = {"mode": "create"} if new else {}
            self._files.pipe_file(f"{self._root}/{name}", content, **how)

    def delete(self, name: str) -> None:
        with _errors(ReadOnlyStoreError, "written"):
            self._files.rm_file(f"{self._root}/{name}")

    def hold(self, name: str) -> Hold:
        return Hold()

    def locked(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


@contextlib.contextmanager
def _errors(kind: type[ArtifactError] = UnreadableError, verb: str = "reached") -> Iterator[None]:
    """Whatever a back end raises (each has its own classes) becomes one of ours."""
    try:
        yield
    except ArtifactError:
        raise
    except FileNotFoundError:
        raise UnknownModelError("there is no such file") from None
    except FileExistsError:
        raise kind("another writer has just put a file there; do it again") from None
    except Exception as error:
        raise kind(f"the store cannot be {verb} ({type(error).__name__})") from error
