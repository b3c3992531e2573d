"""An uncompressed tar, a member at a time."""

from __future__ import annotations

import tarfile

END = bytes(2 * tarfile.BLOCKSIZE)


def member(name: str, content: bytes) -> bytes:
    """A file in a tar: its header, its bytes, and zeros up to a whole block."""
    header = tarfile.TarInfo(name)
    header.size = len(content)
    padding = bytes(-len(content) % tarfile.BLOCKSIZE)
    return header.tobuf(tarfile.USTAR_FORMAT) + content + padding
