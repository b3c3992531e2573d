"""Face images as one u8 array [N, 64, 64, 3], from the faces64 mosaics or from any folder of
images.

A folder that holds `faces64-index.csv` is read as mosaics with their own train and held-out split.
Any other folder (CelebA's aligned images, say) is read image by image: the largest centred square,
resized; every sixteenth image is held out, and names that begin with a dot are passed over. Images
stand as their EXIF orientation says, on white where they are transparent; more than 8 bits of grey
are refused, since their range is not known.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tqdm import tqdm

from training import parallel

IMAGE_SIZE = 64  # pixels
INDEX = "faces64-index.csv"
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
HELD_OUT_EVERY = 16
KINDS_TOLD = 4  # of those left out

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
    """A data set: its name, its terms, u8 images [N, 64, 64, 3] to train on and held out, and the
    suffix of each file that is no image of a known kind.
    """

    name: str
    terms: str
    train: Images
    held_out: Images
    left_out: Sequence[str] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all images, which tells other data of the same name."""
        total = hashlib.sha256(self.train.data)
        total.update(self.held_out.data)
        return f"sha256:{total.hexdigest()}"

    def __str__(self) -> str:
        told = f"{len(self.train):,} faces to train on, {len(self.held_out):,} held out"
        return f"{told}; {_others(self.left_out)} left out" if self.left_out else told


def load(folder: Path) -> Faces:
    """Reads a data folder. Raises DataError for one that is missing or empty, or whose images are
    corrupt, too small or deeper than 8 bits.
    """
    if not folder.is_dir():
        raise DataError(f"data folder {folder} does not exist")
    if (folder / INDEX).is_file():
        train, held_out = _read_mosaics(folder, "train"), _read_mosaics(folder, "heldout")
        return Faces("faces64", TERMS["faces64"], train, held_out)
    return _read_folder(folder)


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


def _read_folder(folder: Path) -> Faces:
    files = sorted(p for p in folder.rglob("*") if _is_shown(p.relative_to(folder)) and p.is_file())
    paths = [p for p in files if p.suffix.lower() in SUFFIXES]
    left_out = [p.suffix.lower() for p in files if p.suffix.lower() not in SUFFIXES]
    if len(paths) < HELD_OUT_EVERY:
        others = f", and {_others(left_out)}" if left_out else ""
        raise DataError(
            f"data folder {folder} holds {len(paths)} images ({', '.join(sorted(SUFFIXES))})"
            f"{others}; training needs at least {HELD_OUT_EVERY}"
        )
    held = paths[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY]
    train = [p for i, p in enumerate(paths, 1) if i % HELD_OUT_EVERY]
    # Shuffled, always alike: the first of them, which SWD takes, are then a fair sample of all.
    rng = np.random.default_rng(0)
    train, held = ([split[i] for i in rng.permutation(len(split))] for split in (train, held))
    images = np.empty((len(paths), IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    with tqdm(
        [*train, *held],
        f"reading {folder}",
        unit=" images",
        delay=1,  # seconds: nothing is said of what is read at once
        leave=False,
        disable=parallel.rank() > 0,
    ) as bar:
        for image, path in zip(images, bar, strict=True):
            image[:] = _centre_crop(path)
    # A link's name stands, as the user gave it; "" and dots are no names.
    name = folder.name if folder.name.strip(".") else folder.resolve().name
    return Faces(name, TERMS["folder"], images[: len(train)], images[len(train) :], left_out)


def _is_shown(path: Path) -> bool:
    return not any(part.startswith(".") for part in path.parts)


def _others(suffixes: Sequence[str]) -> str:
    """Files in words, with their commonest suffixes: "40 files of other kinds (.tif, .gif)"."""
    kinds = [kind or "no suffix" for kind, _ in Counter(suffixes).most_common()]
    more = ", …" if len(kinds) > KINDS_TOLD else ""
    files = (
        "1 file of another kind"
        if len(suffixes) == 1
        else f"{len(suffixes):,} files of other kinds"
    )
    return f"{files} ({', '.join(kinds[:KINDS_TOLD])}{more})"


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
