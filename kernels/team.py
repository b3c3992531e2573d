"""The threads of one generator: they share a call's images or, where those are few, its layers."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from kernels.native import NativeGenerator


class Team:
    """`threads` threads, the caller's one of them; `run` is thread-safe.

    Only one call at a time has the others' help. One that finds them busy runs on its caller's
    thread alone, so there are never more threads at work than callers plus `threads` − 1.
    """

    def __init__(self, generator: NativeGenerator, threads: int) -> None:
        self._generator = generator
        self._members = threads
        self._busy = threading.Lock()
        self._helpers = ThreadPoolExecutor(threads - 1, "pbgen-kernel") if threads > 1 else None

    @property
    def resident_bytes(self) -> dict[str, int]:
        return self._generator.resident_bytes

    def run(self, latents: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """C-contiguous latents u8 [N, dim] → u8 [N, size, size, 3]."""
        if self._helpers is None or len(latents) == 0 or not self._busy.acquire(blocking=False):
            return self._generator.run(latents)
        try:
            if len(latents) >= self._members:
                return self._share_images(latents, self._helpers)
            return self._share_layers(latents, self._helpers)
        finally:
            self._busy.release()

    def _share_images(
        self, latents: NDArray[np.uint8], helpers: ThreadPoolExecutor
    ) -> NDArray[np.uint8]:
        first, *rest = np.array_split(latents, self._members)
        futures = [helpers.submit(self._generator.run, part) for part in rest]
        images = [self._generator.run(first)]
        return np.concatenate(images + [future.result() for future in futures])

    def _share_layers(
        self, latents: NDArray[np.uint8], helpers: ThreadPoolExecutor
    ) -> NDArray[np.uint8]:
        count, members = len(latents), self._members
        images = np.empty((count, *self._generator.image_shape), np.uint8)
        with self._generator.scratch(count, members) as scratch:
            for member in range(1, members):
                helpers.submit(
                    self._generator.run_member, latents, images, scratch, member, members
                )
            # Returns when all members are done, or refuses what all of them refuse: waiting for
            # their futures too would only cost the time that it takes to wake up.
            self._generator.run_member(latents, images, scratch, 0, members)
        return images
