"""The threads of one generator, which share the work of each layer of a call."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from kernels.native import TEAM_BYTES, NativeGenerator, aligned


class Team:
    """`threads` threads, the caller's one of them; `run` is thread-safe.

    Only one call at a time has the others' help. One that finds them busy runs on its caller's
    thread alone, so there are never more threads at work than callers plus `threads` − 1.
    """

    def __init__(self, generator: NativeGenerator, threads: int) -> None:
        self._generator = generator
        self._members = threads
        self._memory = aligned(TEAM_BYTES)
        self._busy = threading.Lock()
        self._helpers = ThreadPoolExecutor(threads - 1, "pbgen-kernel") if threads > 1 else None
        self._awake = [False] * threads  # members that look for calls
        self._waking = threading.Lock()

    @property
    def resident_bytes(self) -> dict[str, int]:
        return self._generator.resident_bytes

    def run(self, latents: NDArray[np.uint8], alone: bool = False) -> NDArray[np.uint8]:
        """C-contiguous latents u8 [N, dim] → u8 [N, size, size, 3]; alone: without helpers."""
        if alone or self._helpers is None or len(latents) == 0:
            return self._generator.run(latents)
        if not self._busy.acquire(blocking=False):
            return self._generator.run(latents)
        try:
            self._wake(self._helpers)
            return self._generator.run(latents, self._memory, self._members)
        finally:
            self._busy.release()

    def _wake(self, helpers: ThreadPoolExecutor) -> None:
        """Has helpers look for calls; most still do, after the last."""
        with self._waking:
            for member in range(1, self._members):
                if not self._awake[member]:
                    self._awake[member] = True
                    helpers.submit(self._help, member)

    def _help(self, member: int) -> None:
        """Helps until no call is under way: one may have begun while the member gave up looking."""
        while True:
            self._generator.help(self._memory, member)
            with self._waking:
                if not self._busy.locked():
                    self._awake[member] = False
                    return
