"""Numbers with their units, as pages and pictures write them."""

from __future__ import annotations


def size(count: int, digits: int) -> str:
    """Bytes as MB with so many digits behind the point, or kB."""
    return f"{count / 1e6:.{digits}f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"
