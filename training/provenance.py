"""Where a run's weights come from, saved beside it as `provenance.json` when it starts and copied
into the manifest.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from kernels import machine
from training.data import Faces

FILE = "provenance.json"


@dataclass(frozen=True)
class Provenance:
    """The data set's name and terms, the code's commit ("unknown" outside a checkout), the start
    (ISO 8601, UTC), the teacher's digest, if there is one (early runs did not keep it).
    """

    dataset: str
    terms: str
    commit: str
    started_at: str
    teacher: str | None = None

    @classmethod
    def now(cls, faces: Faces, teacher: str | None) -> Provenance:
        started_at = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(faces.name, faces.terms, machine.commit(), started_at, teacher)

    def save(self, folder: Path) -> None:
        (folder / FILE).write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Provenance:
        return cls(**json.loads((folder / FILE).read_text()))
