"""The threads of one generator, which share the work of each layer of a call."""

from __future__ import annotations

import os
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from kernels.native import TEAM_BYTES, NativeGenerator, aligned


class Team:
    """`threads` threads, the caller's one of them; `run` is thread-safe.

    Only one call at a time has the others' help. One that finds them busy runs on its caller's
    thread alone, so there are never more threads at work than callers plus `threads` − 1. A helper
    that cannot be started is done without, and tried again by the next call.

    An exception may interrupt `run` between any two steps (a signal's handler raises), so nothing
    is taken to have happened because it was asked for: a call owns the team, and a helper is a
    member, only by what it wrote itself.
    """

    def __init__(self, generator: NativeGenerator, threads: int) -> None:
        self._generator = generator
        self._members = threads
        self._start()
        _teams.add(self)

    def _start(self) -> None:
        """With no helpers yet: also in a forked process, which has none of its parent's threads,
        and what they held for ever.
        """
        self._memory = aligned(TEAM_BYTES)
        self._helpers: dict[int, ThreadPoolExecutor] = {}  # a thread for each member
        # Of what follows; again by a signal's handler, or a finalizer, that draws meanwhile.
        self._lock = threading.RLock()
        self._call: object | None = None  # the one that has the helpers
        self._asked: set[int] = set()  # members that look for calls, or will soon
        self._inside: set[int] = set()  # those that a thread is; never two, as they share memory

    @property
    def resident_bytes(self) -> dict[str, int]:
        return self._generator.resident_bytes

    def run(self, latents: NDArray[np.uint8], alone: bool = False) -> NDArray[np.uint8]:
        """C-contiguous latents u8 [N, dim] → u8 [N, size, size, 3]; alone: without helpers."""
        if alone or self._members == 1 or len(latents) == 0 or self._call:
            return self._generator.run(latents)
        call = object()
        try:
            with self._lock:
                if self._call is None:
                    self._call = call
                    self._wake()
            if self._call is not call:
                return self._generator.run(latents)
            return self._generator.run(latents, self._memory, self._members)
        finally:
            if self._call is call:
                self._call = None

    def _wake(self) -> None:
        """Has helpers look for calls; most still do, after the last."""
        for member in set(range(1, self._members)) - self._asked:
            helper = self._helpers.pop(member, None) or ThreadPoolExecutor(1, "pbgen-kernel")
            try:
                helper.submit(self._help, member)
            except RuntimeError:
                continue  # no thread to be had; what it was to do goes with `helper`
            self._helpers[member] = helper
            self._asked.add(member)

    def _help(self, member: int) -> None:
        """Helps for a while. Asked again if a call is under way, as one may have begun while the
        member gave up looking; not when the process ends, though a daemon thread draws on.
        """
        with self._lock:
            if member in self._inside:
                return  # asked twice, as the first time was interrupted
            self._inside.add(member)
        self._generator.help(self._memory, member)
        with self._lock:
            self._inside.remove(member)
            self._asked.discard(member)
            if self._call is not None:
                self._wake()


_teams: weakref.WeakSet[Team] = weakref.WeakSet()


def _start_after_fork() -> None:
    for team in _teams:
        team._start()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_after_fork)
