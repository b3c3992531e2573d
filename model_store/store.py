"""Names and versions → artifacts. The only file that knows where artifacts lie.

A store is a folder: <name>/<version>.safetensors, versions counted from 1. A name alone means its
active version, the highest.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from model_store import artifact
from model_store.artifact import Artifact
from model_store.errors import UnknownModelError

SHIPPED = Path(__file__).parent / "models"
SUFFIX = ".safetensors"
_MODEL = re.compile(r"(?P<name>[a-z0-9][a-z0-9_-]{0,63})(?:@(?P<version>[1-9][0-9]{0,8}))?")


@dataclass(frozen=True, order=True)
class Entry:
    """One stored version; its file has not been opened."""

    name: str
    version: int
    active: bool

    @property
    def label(self) -> str:
        """The name and version as `Store.open` takes them: "partial@2"."""
        return f"{self.name}@{self.version}"


class Store:
    """The artifacts in a folder; without one, in $PBGEN_STORE or the generators that ship."""

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        self._root = Path(root or os.environ.get("PBGEN_STORE") or SHIPPED)

    def list(self) -> tuple[Entry, ...]:
        """Every stored version, in the order of names and versions; empty for an absent folder."""
        found = [
            (match["name"], int(path.stem))
            for path in self._root.glob(f"*/*{SUFFIX}")
            if (match := _MODEL.fullmatch(f"{path.parent.name}@{path.stem}"))
        ]
        newest = dict(sorted(found))
        return tuple(Entry(n, version, newest[n] == version) for n, version in sorted(found))

    def open(self, model: str) -> Artifact:
        """The artifact "name" (its active version) or "name@version", verified.

        Raises UnknownModelError, which lists what there is, or another ArtifactError.
        """
        entry = self._find(model)
        return artifact.read(
            self._root / entry.name / f"{entry.version}{SUFFIX}", entry.name, entry.version
        )

    def _find(self, model: str) -> Entry:
        entries = self.list()
        match = _MODEL.fullmatch(model)
        for entry in entries if match else ():
            if model == entry.label or (model == entry.name and entry.active):
                return entry
        known = ", ".join(entry.label for entry in entries) or "none: the store is empty"
        raise UnknownModelError(f"there is no model {model[:80]!r}; known are {known}")
