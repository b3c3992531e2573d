"""Images out of a tar that arrives in pieces; one member is held at a time."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BLOCK = tarfile.BLOCKSIZE


class Reader:
    """Feed it pieces of the tar; it gives the images u8 [size, size, 3] that became whole."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._ended = False

    def feed(self, piece: bytes) -> Iterator[NDArray[np.uint8]]:
        self._held += piece
        while not self._ended and len(self._held) >= BLOCK:
            head = bytes(self._held[:BLOCK])
            if not any(head):
                self._ended = True
                return
            member = tarfile.TarInfo.frombuf(head, "utf-8", "strict")
            whole = BLOCK + -(-member.size // BLOCK) * BLOCK
            if len(self._held) < whole:
                return
            content = bytes(self._held[BLOCK : BLOCK + member.size])
            del self._held[:whole]
            if member.name.endswith(".npy"):
                yield np.load(io.BytesIO(content), allow_pickle=False)

    def close(self) -> None:
        """Raises ConnectionError where the tar was cut off before its end."""
        if not self._ended:
            raise ConnectionError("the stream was cut off before its end")
