"""Pictures to train on, where photos would prove no more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def blobs(folder: Path, count: int) -> Path:
    """Fills a folder with soft blobs of random colours, 64×64 PNGs; returns it."""
    rng = np.random.default_rng(0)
    for i in range(count):
        picture = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8))
        picture.resize((64, 64), Image.Resampling.BICUBIC).save(folder / f"{i:02}.png")
    return folder
