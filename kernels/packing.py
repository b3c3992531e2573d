"""Signs to bits and back. The bit order of stored binary weights is written here and nowhere else.

Along the last axis (input channels), sign i is bit i mod 8 (least significant first) of byte
i // 8; a set bit is +1, a clear one −1. The bits that fill up the last byte mean nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def pack(signs: NDArray[np.integer[Any] | np.floating[Any]]) -> NDArray[np.uint8]:
    """Signs of numbers as bits, zero counting as +1: [..., n] → u8 [..., ceil(n / 8)]."""
    positive: NDArray[np.bool_] = np.greater_equal(signs, 0)
    return np.packbits(positive, axis=-1, bitorder="little")


def unpack(packed: NDArray[np.uint8], count: int) -> NDArray[np.int8]:
    """The ±1 of `pack`: u8 [..., ceil(count / 8)] → i8 [..., count]."""
    bits = np.unpackbits(packed, axis=-1, count=count, bitorder="little")
    return bits.astype(np.int8) * 2 - 1
