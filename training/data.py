"""Face images as one u8 array [N, 64, 64, 3], from the faces64 mosaics or from any folder of
images.

A folder that holds `faces64-index.csv` is read as mosaics with their own train and held-out split.
Any other folder (CelebA's aligned images, say) is read image by image: the largest centred square,
resized; every sixteenth image is held out. Images stand as their EXIF orientation says, on white
where they are transparent; more than 8 bits of grey are refused, since their range is not known.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

IMAGE_SIZE = 64  # pixels
INDEX = "faces64-index.csv"
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
HELD_OUT_EVERY = 16

Images = NDArray[np.uint8]  # [N, 64, 64, 3]

TERMS = {
    "faces64": "CelebA agreement: non-commercial research only, internal use; "
    "the photos are not redistributed",
    "folder": "the terms of the folder's own images",
}


class DataError(Exception):
    """The data folder cannot be used; the message says which file, and what is wrong with it."""


@dataclass(frozen=True)
class Faces:
    """A data set: its name, its terms, and u8 images [N, 64, 64, 3] to train on and held out."""

    name: str
    terms: str
    train: Images
    held_out: Images


def load(folder: Path) -> Faces:
    """Reads a data folder. Raises DataError for one that is missing or empty, or whose images are
    corrupt, too small or deeper than 8 bits.
    """
    if not folder.is_dir():
        raise DataError(f"data folder {folder} does not exist")
    if (folder / INDEX).is_file():
        train, held_out = _read_mosaics(folder, "train"), _read_mosaics(folder, "heldout")
        return Faces("faces64", TERMS["faces64"], train, held_out)
    images = _read_folder(folder)
    held = np.arange(len(images)) % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
    return Faces(folder.name, TERMS["folder"], images[~held], images[held])


def _open(path: Path) -> Image.Image:
    try:
        with Image.open(path) as stored:
            image = ImageOps.exif_transpose(stored)
    except Exception as error:  # Pillow has its own; corrupt EXIF tags raise struct's, TypeError, …
        raise DataError(f"{path} is not a readable image: {error}") from error
    if image.mode.startswith(("I", "F")):  # as RGB they would be clipped
        raise DataError(f"{path} has pixels of mode {image.mode}; 8 bits a channel would be right")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _read_mosaics(folder: Path, split: str) -> Images:
    """Mosaics of 64×64 tiles in row-major order; the index counts the real tiles of each file."""
    with (folder / INDEX).open(newline="") as rows:
        counts = Counter(row["file"] for row in csv.DictReader(rows))
    parts = []
    for name in sorted(name for name in counts if name.startswith(f"faces64-{split}-")):
        if not (folder / name).is_file():
            raise DataError(f"{folder / name} is named in {INDEX} but missing")
        mosaic = np.asarray(_open(folder / name))
        rows_, columns = mosaic.shape[0] // IMAGE_SIZE, mosaic.shape[1] // IMAGE_SIZE
        if rows_ * columns < counts[name]:
            raise DataError(f"{name} holds {rows_ * columns} tiles, {INDEX} names {counts[name]}")
        tiles = mosaic[: rows_ * IMAGE_SIZE, : columns * IMAGE_SIZE]
        tiles = tiles.reshape(rows_, IMAGE_SIZE, columns, IMAGE_SIZE, 3).swapaxes(1, 2)
        parts.append(tiles.reshape(-1, IMAGE_SIZE, IMAGE_SIZE, 3)[: counts[name]])
    if not parts:
        raise DataError(f"{folder / INDEX} names no {split} mosaics")
    return np.concatenate(parts)


def _read_folder(folder: Path) -> Images:
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    if len(paths) < HELD_OUT_EVERY:
        raise DataError(
            f"data folder {folder} holds {len(paths)} images ({', '.join(sorted(SUFFIXES))}); "
            f"training needs at least {HELD_OUT_EVERY}"
        )
    return np.stack([_centre_crop(path) for path in paths])


def _centre_crop(path: Path) -> Images:
    """The largest centred square of an image, resized to 64×64 (antialiased bicubic)."""
    image = _open(path)
    side = min(image.size)
    if side < IMAGE_SIZE:
        raise DataError(
            f"{path} is {image.width}×{image.height} pixels; "
            f"both sides must be at least {IMAGE_SIZE}"
        )
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return np.asarray(square.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC))
