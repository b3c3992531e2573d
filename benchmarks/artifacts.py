"""Artifacts and model stores of random weights: speed does not depend on them."""

from __future__ import annotations

from pathlib import Path

from kernels.random_weights import SEED, random_generator
from model_store import artifact
from training.redundancy import layer_table

FULL_SIZE = 128  # width before the image: 1024-512-256-128-3


def write(path: Path, variant: str, width: int, image_size: int = 64, version: int = 1) -> None:
    """The project's own file of a generator with random weights; a version is in its digest."""
    spec = random_generator(variant, width, image_size)
    manifest = {
        "variant": variant,
        "architecture": "dcgan",
        "layers": layer_table(spec),
        "provenance": {
            "dataset": "random numbers",
            "terms": "for measurements only",
            "images_seen": 0,
            "seed": SEED,
            "options": {"width": width},
            "commit": "unknown",
            "version": version,
        },
        "swd": None,
        "export": {},
        "directions": [],
    }
    artifact.write(path, spec, manifest)


def store(root: Path, width: int = FULL_SIZE, versions: int = 1) -> Path:
    """Fills a folder with versions of `partial` of this width, all alike; returns the folder."""
    (root / "partial").mkdir(parents=True)
    for version in range(1, versions + 1):
        write(root / "partial" / f"{version}.safetensors", "partial", width, version=version)
    return root
