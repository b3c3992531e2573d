"""The pictures of the docs, made by the shipped generators, none of them chosen by hand.

    python -m benchmarks.pictures

`docs/pictures/`: `faces.png`, a row for each variant of seeds 0 … 7; `sheet-VARIANT.jpg`, seeds
0 … 63; `between.jpg`, a row for each variant from seed 0 to seed 1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import kernels
import model_store
from benchmarks.variants import VARIANTS

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
COLUMNS, ZOOM, MARGIN, LABEL_WIDTH = 8, 2, 4, 120  # ZOOM: screen pixels an image pixel
SAMPLES, STEPS = 64, 9
QUALITY = 92  # of JPEG
INK, PAPER = (40, 40, 40), (255, 255, 255)
Images = NDArray[np.uint8]  # [N, s, s, 3]


def made(variant: str, latents: NDArray[np.uint8]) -> Images:
    """A shipped variant's images of u8 latents [N, D]."""
    return kernels.Generator(model_store.load(variant)).run(latents)


def between(first: int, last: int, steps: int) -> NDArray[np.uint8]:
    """u8 latents [steps, D] on the straight line between two seeds' latents."""
    ends = kernels.latents(first, 1), kernels.latents(last, 1)
    share = np.linspace(0, 1, steps)[:, None]
    line = ends[0] * (1 - share) + ends[1] * share
    return np.rint(line).astype(np.uint8)


def rows(latents: NDArray[np.uint8]) -> Image.Image:
    """A labelled row of images for each variant, all of the same latents."""
    images = [made(variant, latents) for variant in VARIANTS]
    cell = images[0].shape[1] * ZOOM + MARGIN
    picture = Image.new("RGB", (LABEL_WIDTH + len(latents) * cell, len(VARIANTS) * cell), PAPER)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(22)
    for y, (variant, row) in enumerate(zip(VARIANTS, images, strict=True)):
        middle = (LABEL_WIDTH - 14, y * cell + cell // 2)
        draw.text(middle, variant, fill=INK, font=font, anchor="rm")
        for x, image in enumerate(row):
            face = Image.fromarray(np.ascontiguousarray(image))
            size = (cell - MARGIN, cell - MARGIN)
            face = face.resize(size, Image.Resampling.BICUBIC)
            picture.paste(face, (LABEL_WIDTH + x * cell, y * cell + MARGIN // 2))
    return picture


def sheet(images: Images, columns: int = COLUMNS) -> Image.Image:
    """Images as a grid, row by row; their number a multiple of `columns`."""
    n, size = images.shape[:2]
    grid = images.reshape(n // columns, columns, size, size, 3).swapaxes(1, 2)
    return Image.fromarray(grid.reshape(n // columns * size, columns * size, 3))


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    rows(kernels.latents(seed=0, count=COLUMNS)).save(PICTURES / "faces.png", optimize=True)
    rows(between(0, 1, STEPS)).save(PICTURES / "between.jpg", quality=QUALITY)
    latents = kernels.latents(seed=0, count=SAMPLES)
    for variant in VARIANTS:
        sheet(made(variant, latents)).save(PICTURES / f"sheet-{variant}.jpg", quality=QUALITY)


if __name__ == "__main__":
    main()
