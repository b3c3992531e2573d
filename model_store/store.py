"""Names, versions and aliases → artifacts. The only file that knows how a store is laid out.

    <name>/<version>.safetensors   versions count from 1 and no number is given twice
    <name>/index.json              {"aliases": {"active": 2, "canary": 3}, "last": 3}

"partial@2" is a version, "partial@canary" the one that an alias points to, "partial" the same as
"partial@active". Without an index the highest version is active, so files put there by hand work.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast
from urllib.request import url2pathname

from model_store import artifact, schema
from model_store.artifact import Artifact
from model_store.errors import (
    ArtifactError,
    ManifestError,
    ReadOnlyStoreError,
    UnknownModelError,
    VersionInUseError,
    about,
)
from model_store.folder import Folder, Hold, LocalFolder, read_file
from model_store.remote import RemoteFolder

SHIPPED = Path(__file__).parent / "models"
SUFFIX = ".safetensors"
LOCAL = "file://"  # begins the URL of a folder of this machine
INDEX = "index.json"
ACTIVE = "active"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
ALIAS = re.compile(r"[a-z][a-z0-9_-]{0,63}")
LARGEST_VERSION = 10**9 - 1  # nine digits
_VERSION_FILE = re.compile(rf"([1-9][0-9]{{0,8}}){re.escape(SUFFIX)}")


@dataclass(frozen=True)
class Entry:
    """One stored version; its file has not been opened."""

    name: str
    version: int
    aliases: tuple[str, ...]

    @property
    def active(self) -> bool:
        """Whether the name alone means this version."""
        return ACTIVE in self.aliases

    @property
    def label(self) -> str:
        """The name and version as `Store.open` takes them: "partial@2"."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class Survey:
    """All that a store holds, and what stands in the way of telling more."""

    entries: tuple[Entry, ...]  # in the order of names and versions
    problems: tuple[ArtifactError, ...]  # one for each name whose versions cannot be told


class _Index(TypedDict):
    """What is known of a name besides its versions' files."""

    aliases: dict[str, int]
    last: int  # the highest version ever added


@dataclass(frozen=True)
class _Shelf:
    """All that a store holds under one name."""

    name: str
    versions: tuple[int, ...]  # at least one, ascending
    aliases: dict[str, int]  # `active` among them
    last: int

    def entries(self) -> Iterator[Entry]:
        for version in self.versions:
            aliases = sorted(alias for alias, v in self.aliases.items() if v == version)
            yield Entry(self.name, version, tuple(aliases))


def place(root: str | os.PathLike[str] | None) -> str:
    """The folder or URL of a store: what is given, else $PBGEN_STORE, else where those ship."""
    where = os.fspath(root or os.environ.get("PBGEN_STORE") or SHIPPED)
    return url2pathname(where.removeprefix(LOCAL)) if where.startswith(LOCAL) else where


class Store:
    """The artifacts in a folder or at a URL; by default in $PBGEN_STORE, or those that ship.

    Methods raise ArtifactError, one subclass a cause. Nobody ever sees a file half written, and
    writers on one machine wait for each other.
    """

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        where = place(root)
        self._folder: Folder = RemoteFolder(where) if "://" in where else LocalFolder(Path(where))

    def list(self) -> tuple[Entry, ...]:
        """Every stored version, in the order of names and versions. One damaged name is an error:
        `survey` tells the others all the same.
        """
        survey = self.survey()
        for problem in survey.problems:
            raise problem
        return survey.entries

    def survey(self) -> Survey:
        """Every stored version, and the error of each name that has one."""
        entries: list[Entry] = []
        problems: list[ArtifactError] = []
        for name in self._names():
            try:
                if versions := self._versions(name):
                    entries += self._shelf(name, versions).entries()
            except ArtifactError as problem:
                problems.append(problem)
        return Survey(tuple(entries), tuple(problems))

    def find(self, model: str) -> Entry:
        """The version that "name", "name@version" or "name@alias" means.

        Raises UnknownModelError, which lists what there is. Only the name's own index is read: that
        another name is damaged does no harm.
        """
        name, at, version = model.partition("@")
        alias = version if at else ACTIVE
        names = self._names()
        if name in names and (versions := self._versions(name)):
            for entry in self._shelf(name, versions).entries():
                if version == str(entry.version) or alias in entry.aliases:
                    return entry
        known = ", ".join(self._labels(names)) or "none: the store is empty"
        raise UnknownModelError(f"there is no model {model[:80]!r}; known are {known}")

    def open(self, model: str | Entry) -> Artifact:
        """The artifact that `find` finds, or found, verified."""
        entry = self.find(model) if isinstance(model, str) else model
        with about(entry.label):
            file = self._folder.read(_file(entry))
            return artifact.parse(file, entry.name, entry.version)

    def add(self, path: str | os.PathLike[str], name: str | None = None) -> Entry:
        """Puts a verified artifact file in as the next version of a name, by default its variant.

        What is active stays active; a name's first version is active at once.
        """
        path = Path(path)
        with about(path.name):
            file = read_file(path)
            variant = artifact.parse(file, path.name, None).manifest["variant"]
            name = _checked("name", NAME, variant if name is None else name)
        with self._folder.locked():
            versions = self._versions(name)
            shelf = self._shelf(name, versions) if versions else None
            version = 1 + (shelf.last if shelf else self._index(name)["last"])
            if version > LARGEST_VERSION:
                raise ReadOnlyStoreError(
                    f"{name} has had version {LARGEST_VERSION}, the last that there can be; add it "
                    "by another name"
                )
            # The index goes first: without it the new file, the highest, would be active at once.
            aliases = shelf.aliases if shelf else {ACTIVE: version}
            self._write_index(name, aliases, version)
            self._folder.write(f"{name}/{version}{SUFFIX}", file, new=True)
        return self.find(f"{name}@{version}")

    def activate(self, model: str, alias: str = ACTIVE) -> Entry:
        """Lets an alias, by default the name alone, mean a version; it is verified first."""
        _checked("alias", ALIAS, alias)
        entry = self.find(model)  # once: an alias may come to mean another version meanwhile
        self.open(entry)
        with self._folder.locked():
            self.find(entry.label)
            shelf = self._shelf(entry.name, self._versions(entry.name))
            self._write_index(entry.name, {**shelf.aliases, alias: entry.version}, shelf.last)
        return self.find(entry.label)

    def remove(self, model: str) -> Entry:
        """Deletes "name@version" that no alias means, or the alias of "name@alias"; returns what
        it was.

        Raises VersionInUseError for a version with an alias, the active one, and one that is held.
        """
        self.find(model)  # nothing is locked or made for what is not there
        with self._folder.locked():
            entry = self.find(model)
            shelf = self._shelf(entry.name, self._versions(entry.name))
            wanted = model.partition("@")[2] or ACTIVE
            if wanted in entry.aliases and wanted != ACTIVE:
                aliases = {a: v for a, v in shelf.aliases.items() if a != wanted}
                self._write_index(entry.name, aliases, shelf.last)
                return entry
            if entry.aliases:
                raise VersionInUseError(
                    f"{entry.label} is in use as {', '.join(entry.aliases)}; activate another "
                    "version first"
                )
            self._write_index(entry.name, shelf.aliases, shelf.last)
            with about(entry.label):
                self._folder.delete(_file(entry))
            return entry

    def hold(self, entry: Entry) -> Hold:
        """What keeps a version from being removed while it is taken: by who serves it."""
        return self._folder.hold(_file(entry))

    def _names(self) -> tuple[str, ...]:
        """What may be a model's name, in order."""
        return tuple(sorted(filter(NAME.fullmatch, self._folder.names())))

    def _versions(self, name: str) -> tuple[int, ...]:
        """The versions that are stored under a name, ascending."""
        with about(name):
            files = map(_VERSION_FILE.fullmatch, self._folder.names(name))
        return tuple(sorted(int(file[1]) for file in files if file))

    def _labels(self, names: Iterable[str]) -> Iterator[str]:
        """The versions of each name whose folder can be read."""
        for name in names:
            with contextlib.suppress(ArtifactError):
                yield from (f"{name}@{version}" for version in self._versions(name))

    def _shelf(self, name: str, versions: tuple[int, ...]) -> _Shelf:
        # Read after the versions: `add` writes the index first, so it is there for a new file.
        index = self._index(name)
        aliases = {ACTIVE: versions[-1], **index["aliases"]}
        return _Shelf(name, versions, aliases, max(index["last"], versions[-1]))

    def _index(self, name: str) -> _Index:
        with about(f"{name}/{INDEX}"):
            try:
                text = self._folder.read(f"{name}/{INDEX}")
            except UnknownModelError:  # absent
                return _Index(aliases={}, last=0)
        with about(name):
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                raise ManifestError("index.json is not JSON; the file is damaged") from None
            schema.check("index.json", value, _Index)
            index = cast(_Index, value)
            if index["last"] > LARGEST_VERSION:
                raise ManifestError(
                    f"index.json.last is {index['last']}; at most {LARGEST_VERSION} would be right"
                )
            for alias in index["aliases"]:
                _checked("alias", ALIAS, alias)
            return index

    def _write_index(self, name: str, aliases: dict[str, int], last: int) -> None:
        self._folder.write(f"{name}/{INDEX}", schema.canonical(_Index(aliases=aliases, last=last)))


def _file(entry: Entry) -> str:
    return f"{entry.name}/{entry.version}{SUFFIX}"


def _checked(what: str, pattern: re.Pattern[str], value: str) -> str:
    if not pattern.fullmatch(value):
        raise ManifestError(f"{value[:80]!r} is no {what}; {pattern.pattern} would be right")
    return value
