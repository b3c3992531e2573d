"""A run's log.jsonl: one record a line, each with the images seen."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from model_store.folder import write_file


class Log:
    """The records so far, and more of them. A resumed run drops the records past its checkpoint."""

    def __init__(self, path: Path, images_seen: int) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path.exists() else []
        records = [row for row in map(_parse, lines) if row is not None]
        self.rows = [row for row in records if row["images"] <= images_seen]
        write_file(path, "".join(json.dumps(row) + "\n" for row in self.rows).encode())

    def write(self, **row: Any) -> None:
        """Adds a record."""
        self.rows.append(row)
        with self.path.open("a") as file:
            file.write(json.dumps(row, allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())  # before a checkpoint that is past it


def _parse(line: str) -> dict[str, Any] | None:
    """A record, or None for a line cut short by a kill."""
    try:
        row: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return row
