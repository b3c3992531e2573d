"""Where a run's weights come from, saved beside it as `provenance.json` when it starts and copied
into the manifest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kernels import machine
from training.data import Faces
from training.options import read, write

FILE = "provenance.json"


@dataclass(frozen=True)
class Provenance:
    """The data set's name and terms, the code's commit ("unknown" outside a checkout), the start
    (ISO 8601, UTC), the teacher's digest, if there is one, the data set's counts and its digest.
    """

    dataset: str
    terms: str
    commit: str
    started_at: str
    teacher: str | None = None
    training_faces: int | None = None  # unknown of early runs, as the next two
    held_out_faces: int | None = None
    dataset_digest: str | None = None

    @classmethod
    def now(cls, faces: Faces, teacher: str | None) -> Provenance:
        started_at = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(
            faces.name,
            faces.terms,
            machine.commit(),
            started_at,
            teacher,
            len(faces.train),
            len(faces.held_out),
            faces.digest,
        )

    def differences(self, faces: Faces) -> str:
        """Where other faces differ from those of the start, as far as known: "training_faces 18,
        not 30; …". The same images under another name are the same.
        """
        if self.dataset_digest == faces.digest:
            return ""
        pairs = (
            ("dataset", self.dataset, faces.name),
            ("terms", self.terms, faces.terms),
            ("training_faces", self.training_faces, len(faces.train)),
            ("held_out_faces", self.held_out_faces, len(faces.held_out)),
            ("dataset_digest", self.dataset_digest, faces.digest),
        )
        return "; ".join(
            f"{n} {began!r}, not {now!r}" for n, began, now in pairs if began and began != now
        )

    def save(self, folder: Path) -> None:
        write(self, folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> Provenance:
        """Raises ValueError for a file that holds none."""
        return read(cls, folder / FILE)
