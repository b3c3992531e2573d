"""Variants side by side as one picture: a strip of images each, under a line about it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from service.images import encode_png

LABEL_PIXELS = 22  # height of a line
FONT_PIXELS = 13
NARROWEST = 480  # pixels; a line must fit
MARGIN = 8

Strip = tuple[str, Sequence[NDArray[np.uint8]]]  # what is said of the images, and these


def caption(name: str, image_ms: float, resident_bytes: int, swd: float | None) -> str:
    """What is said of a variant."""
    distance = "not measured" if swd is None else f"{swd:.1f}"
    return f"{name}     {image_ms:.2f} ms     {resident_bytes / 1e6:.2f} MB     SWD {distance}"


def draw(strips: Sequence[Strip]) -> bytes:
    """Strips of equally many square images, u8 [size, size, 3], as a PNG. Takes up to 50 ms."""
    count, size = len(strips[0][1]), max(len(images[0]) for _, images in strips)
    width = max(NARROWEST, count * size)
    canvas = Image.new("RGB", (width, len(strips) * (LABEL_PIXELS + size)), "white")
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(FONT_PIXELS)
    for i, (text, images) in enumerate(strips):
        top = i * (LABEL_PIXELS + size)
        pen.text((MARGIN, top + 3), text, "black", font)
        for j, image in enumerate(images):
            canvas.paste(Image.fromarray(image), (j * size, top + LABEL_PIXELS))
    return encode_png(np.asarray(canvas))
