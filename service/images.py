"""Pictures u8 [N, S, S, 3] → the bytes that are sent."""

from __future__ import annotations

import base64
import io
import json
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.lib.format as npy
from isal import isal_zlib
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]  # a picture, or several
Seeds = Sequence[int] | None  # of each picture; None if they come from no seeds


@dataclass(frozen=True, slots=True)
class Format:
    """A way to send pictures."""

    name: str
    media_type: str
    encode: Callable[[Pixels, Seeds], bytes]  # pictures [N, S, S, 3], as one body
    encode_one: Callable[[Pixels], bytes]  # a picture [S, S, 3] by itself


PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_RGB8 = (8, 2, 0, 0, 0)  # bit depth, colour type, compression, filter, interlace
PNG_UP = 2  # each byte less the one above it
COMPRESSION = 1  # isal's level; docs/decisions/0004-png-by-isal.md has the others, measured
QUALITY = 90  # of JPEG and WebP


def grid(pictures: Pixels) -> Pixels:
    """Pictures [N, S, S, 3] row by row in one [rows · S, columns · S, 3]; empty places are black.

    As near to a square as fills the most places: columns = ⌈√N⌉.
    """
    count, size = pictures.shape[:2]
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    places = np.zeros((rows * columns, size, size, 3), np.uint8)
    places[:count] = pictures
    lines = places.reshape(rows, columns, size, size, 3).transpose(0, 2, 1, 3, 4)
    return lines.reshape(rows * size, columns * size, 3)


def encode_png(picture: Pixels) -> bytes:
    """The PNG of a picture u8 [height, width, 3] (https://www.w3.org/TR/png-3/).

    Equal pictures give equal bytes on machines of one kind; another kind may compress otherwise.
    """
    height, width = picture.shape[:2]
    lines = picture.reshape(height, width * 3)
    filtered = np.empty((height, 1 + width * 3), np.uint8)
    filtered[:, 0] = PNG_UP
    filtered[0, 1:] = lines[0]
    np.subtract(lines[1:], lines[:-1], out=filtered[1:, 1:])
    return b"".join(
        (
            PNG_SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, *PNG_RGB8)),
            _chunk(b"IDAT", isal_zlib.compress(filtered, COMPRESSION)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", isal_zlib.crc32(checked))


def _encode_lossy(picture: Pixels, kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, quality=QUALITY)
    return file.getvalue()


def encode_jpeg(picture: Pixels) -> bytes:
    return _encode_lossy(picture, "JPEG")


def encode_webp(picture: Pixels) -> bytes:
    return _encode_lossy(picture, "WEBP")


def encode_npy(array: Pixels) -> bytes:
    """The array itself as NumPy's .npy."""
    return _npy_header(array.shape) + array.tobytes()


def encode_json(pictures: Pixels, seeds: Seeds) -> bytes:
    """Each picture by itself, as base64 of its PNG, with its seed (null if it has none)."""
    images = [
        {
            "seed": None if seeds is None else seeds[i],
            "png": base64.b64encode(encode_png(picture)).decode(),
        }
        for i, picture in enumerate(pictures)
    ]
    return json.dumps({"images": images}).encode()


@lru_cache
def _npy_header(shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


def _picture_format(name: str, encode: Callable[[Pixels], bytes]) -> Format:
    """A format of one picture: a single one as it is, several as a grid."""
    return Format(
        name,
        f"image/{name}",
        lambda pictures, _: encode(pictures[0] if len(pictures) == 1 else grid(pictures)),
        encode,
    )


FORMATS = {
    each.name: each
    for each in (
        _picture_format("png", encode_png),
        _picture_format("jpeg", encode_jpeg),
        _picture_format("webp", encode_webp),
        Format("npy", "application/x-npy", lambda pictures, _: encode_npy(pictures), encode_npy),
        Format(
            "json",
            "application/json",
            encode_json,
            lambda picture: encode_json(picture[None], None),
        ),
    )
}
