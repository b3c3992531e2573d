"""Freed memory is kept for the next step.

A step takes and frees gigabytes, the same each time. glibc gives blocks over 32 MB back to the
system at once, and getting them anew, page by page, takes some 3 % of a full-size step. (jemalloc
as it comes does so with every block over 8 MB, and takes 24 %.)
"""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # malloc.h


def keep() -> None:
    """Tells glibc's malloc to give nothing back; does nothing under another C library."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, -1)
