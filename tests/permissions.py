"""Permissions that count for whoever runs the tests, root too."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

VERSION_3 = 0x20080522  # of the structures below; see capget(2)
OVERRIDES = 0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


@contextmanager
def permissions_that_count() -> Iterator[None]:
    """Refuses this thread what a file's permissions forbid. Root, whom they forbid nothing, gives
    up for a while the capabilities that this rests on.
    """
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None)
    header = (ctypes.c_uint32 * 2)(VERSION_3, 0)  # of this thread
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; then of later capabilities
    assert libc.capget(header, sets) == 0
    effective = sets[0]
    sets[0] &= ~OVERRIDES
    assert libc.capset(header, sets) == 0
    try:
        yield
    finally:
        sets[0] = effective
        assert libc.capset(header, sets) == 0
