"""The pictures of the docs, made by the shipped generators.

    python -m benchmarks.pictures

`docs/pictures/faces.png`: a row of faces for each variant, uncurated, seeds 0 … 7 left to right.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import kernels
import model_store
from benchmarks.variants import VARIANTS

FACES = Path(__file__).parents[1] / "docs" / "pictures" / "faces.png"
COLUMNS, ZOOM, MARGIN, LABEL_WIDTH = 8, 2, 4, 120  # ZOOM: screen pixels an image pixel
INK, PAPER = (40, 40, 40), (255, 255, 255)


def faces() -> Image.Image:
    """Labelled rows of the variants' faces."""
    latents = kernels.latents(seed=0, count=COLUMNS)
    rows = [kernels.Generator(model_store.load(variant)).run(latents) for variant in VARIANTS]
    cell = rows[0].shape[1] * ZOOM + MARGIN
    picture = Image.new("RGB", (LABEL_WIDTH + COLUMNS * cell, len(rows) * cell), PAPER)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(22)
    for y, (variant, row) in enumerate(zip(VARIANTS, rows, strict=True)):
        middle = (LABEL_WIDTH - 14, y * cell + cell // 2)
        draw.text(middle, variant, fill=INK, font=font, anchor="rm")
        for x, image in enumerate(row):
            size = (cell - MARGIN, cell - MARGIN)
            face = Image.fromarray(np.ascontiguousarray(image)).resize(
                size, Image.Resampling.BICUBIC
            )
            picture.paste(face, (LABEL_WIDTH + x * cell, y * cell + MARGIN // 2))
    return picture


if __name__ == "__main__":
    FACES.parent.mkdir(parents=True, exist_ok=True)
    faces().save(FACES, optimize=True)
