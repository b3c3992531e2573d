"""Model stores of random weights: speed does not depend on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kernels.bench import SEED, random_generator
from model_store import artifact
from model_store.manifest import layer_row
from training.redundancy import redundancy

FULL_SIZE = 128  # width before the image: 1024-512-256-128-3


def random_store(root: Path, base: int = FULL_SIZE, versions: int = 1) -> Path:
    """Fills a folder with versions of `partial` of this width, all alike; returns the folder."""
    spec = random_generator("partial", base)
    rows = []
    for layer in spec.layers:
        met = redundancy(layer.geometry)
        told: dict[str, float] = {"rank": met.rank, "positions": met.positions}
        told |= {"ratio": met.ratio, "redundant": met.redundant}
        rows.append({**layer_row(layer), "redundancy": told})
    manifest: dict[str, Any] = {
        "variant": "partial",
        "architecture": "dcgan",
        "layers": rows,
        "provenance": {
            "dataset": "random numbers",
            "terms": "for measurements only",
            "images_seen": 0,
            "seed": SEED,
            "options": {"base": base},
            "commit": "unknown",
        },
        "swd": None,
        "export": {},
    }
    (root / "partial").mkdir(parents=True)
    for version in range(1, versions + 1):
        manifest["provenance"]["version"] = version  # so that digests differ
        artifact.write(root / "partial" / f"{version}.safetensors", spec, manifest)
    return root
