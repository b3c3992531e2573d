"""Faces by the shipped generators, none of them chosen by hand.

`faces.png`: a row for each variant of seeds 0 … 7; `between.jpg`: from seed 0 to seed 1;
`sheet-VARIANT.jpg`: seeds 0 … 63.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import kernels
import model_store
from benchmarks.variants import VARIANTS
from docs.draw.picture import Picture, save_image
from kernels.dcgan import LATENT_DIM
from service import images, subject
from service.schemas.requests import Interpolation

COLUMNS, ZOOM, MARGIN, LABEL_WIDTH = 8, 2, 4, 120  # ZOOM: screen pixels an image pixel
SAMPLES, STEPS = 64, 9
INK, PAPER = (40, 40, 40), (255, 255, 255)
Latents = NDArray[np.uint8]  # [N, D]
Images = NDArray[np.uint8]  # [N, s, s, 3]


def digests(models: Sequence[str] = VARIANTS) -> dict[str, str]:
    """The shipped artifacts that draw."""
    store = model_store.Store(model_store.store.SHIPPED)
    return {model: store.open(model).digest for model in models}


def made(model: str, latents: Latents) -> Images:
    """A shipped model's images."""
    return kernels.Generator(model_store.load(model)).run(latents)


def first_seeds() -> Latents:
    return kernels.latents(seed=0, count=COLUMNS)


def between() -> Latents:
    """From seed 0 to seed 1 on the straight line."""
    way = Interpolation.model_validate({"from": 0, "to": 1, "steps": STEPS})
    return subject.interpolated(way, LATENT_DIM)


def rows(models: Sequence[str], latents: Latents) -> Image.Image:
    """A labelled row of images for each model, all of the same latents."""
    faces = [made(model, latents) for model in models]
    cell = faces[0].shape[1] * ZOOM + MARGIN
    picture = Image.new("RGB", (LABEL_WIDTH + len(latents) * cell, len(models) * cell), PAPER)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(22)
    for y, (model, row) in enumerate(zip(models, faces, strict=True)):
        middle = (LABEL_WIDTH - 14, y * cell + cell // 2)
        draw.text(middle, model, fill=INK, font=font, anchor="rm")
        for x, image in enumerate(row):
            face = Image.fromarray(np.ascontiguousarray(image))
            size = (cell - MARGIN, cell - MARGIN)
            face = face.resize(size, Image.Resampling.BICUBIC)
            picture.paste(face, (LABEL_WIDTH + x * cell, y * cell + MARGIN // 2))
    return picture


def draw_rows(
    models: Sequence[str], latents: Callable[[], Latents], path: Path, _digests: Any, mark: str
) -> None:
    save_image(rows(models, latents()), path, mark)


def draw_sheet(variant: str, path: Path, _digests: Any, mark: str) -> None:
    sheet = images.grid(made(variant, kernels.latents(seed=0, count=SAMPLES)))
    save_image(Image.fromarray(sheet), path, mark)


PICTURES = {
    "faces.png": Picture(digests, partial(draw_rows, VARIANTS, first_seeds)),
    "between.jpg": Picture(digests, partial(draw_rows, VARIANTS, between)),
    **{
        f"sheet-{variant}.jpg": Picture(partial(digests, (variant,)), partial(draw_sheet, variant))
        for variant in VARIANTS
    },
}
