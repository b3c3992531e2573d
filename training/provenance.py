"""Where a run's weights come from, saved beside it as `provenance.json` when it starts and copied
into the manifest.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from training.data import Faces

FILE = "provenance.json"


@dataclass(frozen=True)
class Provenance:
    """The data set's name and terms, the code's commit ("unknown" outside a checkout), the start
    (ISO 8601, UTC).
    """

    dataset: str
    terms: str
    commit: str
    started_at: str

    @classmethod
    def now(cls, faces: Faces) -> Provenance:
        started_at = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(faces.name, faces.terms, _commit(), started_at)

    def save(self, folder: Path) -> None:
        (folder / FILE).write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Provenance:
        return cls(**json.loads((folder / FILE).read_text()))


def _commit() -> str:
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
