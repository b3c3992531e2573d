"""What a folder of shards holds: a few facts from which every byte follows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from kernels.latents import LARGEST_SEED
from model_store.folder import write_file

FILE = "manifest.json"
DIGITS = 6  # of a shard's name

Format = Literal["tar", "npz"]
FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True)
class Plan:
    """The images of consecutive seeds by one model, a fixed number of them in each shard.

    Raises ValueError for numbers that cannot be.
    """

    model: str  # "partial@1"
    digest: str  # of its artifact
    format: Format
    seed: int  # the first
    count: int
    shard_images: int

    def __post_init__(self) -> None:
        for name, images in (("count", self.count), ("shard", self.shard_images)):
            if images < 1:
                raise ValueError(f"{name} must be at least 1, not {images}")
        last = self.seed + self.count - 1
        if self.seed < 0 or last > LARGEST_SEED:
            raise ValueError(f"seeds must be 0 … {LARGEST_SEED}, not {self.seed} … {last}")

    @property
    def shards(self) -> range:
        return range(-(-self.count // self.shard_images))

    def seeds(self, shard: int) -> range:
        """The seeds of a shard's images; the last shard may have fewer."""
        first = self.seed + shard * self.shard_images
        return range(first, min(first + self.shard_images, self.seed + self.count))

    def name(self, shard: int) -> str:
        return f"{shard:0{DIGITS}d}.{self.format}"


class OtherPlanError(Exception):
    """The folder was begun with another plan."""


def begin(folder: Path, plan: Plan) -> None:
    """Writes a plan into a folder, which may have it already, and clears what a killed run left
    half written.

    Raises OtherPlanError if it has another plan, and OSError.
    """
    wanted = asdict(plan)
    found = _read(folder)
    if found is None:
        _write(folder, wanted)
    else:
        for name, value in wanted.items():
            if found.get(name) != value:
                raise OtherPlanError(
                    f"{FILE} there says {name} {found.get(name)}, not {value}; go on with that or "
                    "choose another folder"
                )
    for left in (*folder.glob(".[0-9]*"), *folder.glob(f".{FILE}.*")):
        left.unlink(missing_ok=True)


def finish(folder: Path, plan: Plan, shards: Sequence[dict[str, Any]]) -> None:
    """Adds the list of shards to the manifest, which says that all are there. Raises OSError."""
    _write(folder, {**asdict(plan), "shards": list(shards)})


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / FILE).read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        raise OtherPlanError(f"{FILE} there is not JSON; choose another folder") from None
    return found if isinstance(found, dict) else {}


def _write(folder: Path, content: dict[str, Any]) -> None:
    write_file(folder / FILE, json.dumps(content, indent=1).encode())
