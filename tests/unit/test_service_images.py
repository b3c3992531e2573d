"""Formats: what they hold is what went in."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from service.images import FORMATS, encode_png, grid
from service.schemas.requests import FormatName


def random_pictures(count: int, size: int = 16) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def opened(file: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(file))
    image.load()  # checks the checksums
    assert image.mode == "RGB"
    return np.asarray(image)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_a_png_holds_exactly_the_picture(height: int, width: int, seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    np.testing.assert_array_equal(opened(encode_png(picture)), picture)


def test_a_png_of_a_face_is_compressed() -> None:
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    assert len(encode_png(np.broadcast_to(ramp[:, None, None], (64, 64, 3)))) < 400


@pytest.mark.parametrize(
    ("count", "rows", "columns"), [(2, 1, 2), (3, 2, 2), (7, 3, 3), (10, 3, 4), (64, 8, 8)]
)
def test_a_grid_is_row_by_row_and_black_where_empty(count: int, rows: int, columns: int) -> None:
    pictures = random_pictures(count)
    whole = grid(pictures)
    assert whole.shape == (rows * 16, columns * 16, 3)
    for place in range(rows * columns):
        top, left = 16 * (place // columns), 16 * (place % columns)
        part = whole[top : top + 16, left : left + 16]
        np.testing.assert_array_equal(part, pictures[place] if place < count else 0)


def test_png_of_several_is_their_grid() -> None:
    pictures = random_pictures(5)
    np.testing.assert_array_equal(opened(FORMATS["png"].encode(pictures, None)), grid(pictures))


@pytest.mark.parametrize(("name", "kind"), [("jpeg", "JPEG"), ("webp", "WEBP")])
def test_lossy_formats_are_near_the_picture(name: str, kind: str) -> None:
    smooth = np.linspace(20, 230, 64).astype(np.uint8)[None, :, None, None]
    pictures = np.ascontiguousarray(np.broadcast_to(smooth, (1, 64, 64, 3)))
    file = FORMATS[name].encode(pictures, None)
    assert Image.open(io.BytesIO(file)).format == kind
    # 4 grey levels: what quality 90 loses on a ramp.
    assert np.abs(opened(file).astype(int) - pictures[0]).max() <= 4


def test_npy_is_the_array() -> None:
    pictures = random_pictures(3)
    file = FORMATS["npy"].encode(pictures, None)
    np.testing.assert_array_equal(np.load(io.BytesIO(file), allow_pickle=False), pictures)


def test_json_has_each_picture_and_its_seed() -> None:
    pictures = random_pictures(2)
    images = json.loads(FORMATS["json"].encode(pictures, range(2**64 - 2, 2**64)))["images"]
    assert [image["seed"] for image in images] == [2**64 - 2, 2**64 - 1]
    for image, picture in zip(images, pictures, strict=True):
        np.testing.assert_array_equal(opened(base64.b64decode(image["png"])), picture)
    assert json.loads(FORMATS["json"].encode(pictures, None))["images"][0]["seed"] is None


def test_the_interface_offers_every_format() -> None:
    assert tuple(FORMATS) == FormatName.__args__
