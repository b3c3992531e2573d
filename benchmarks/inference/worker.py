"""A contestant's process, and the hold that the referee has on it: one message, one answer."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from benchmarks.inference.contestant import Absent, Contestant
from benchmarks.inference.engines import ENGINES, Call
from benchmarks.inference.exports import REASON
from benchmarks.plain import grey_levels
from kernels import latents
from kernels.random_weights import SEED

PICTURES = 8  # that are kept, for the others to agree with
STARTED_S = 300  # to import, load and compile
LEAVES_S = 5


@dataclass(frozen=True)
class Ready:
    """What a contestant says of itself once its first image is made."""

    version: str
    file_bytes: int
    grown_bytes: int | None  # resident memory, from the end of its imports to after an image
    pictures: NDArray[np.uint8]  # of seeds SEED …, u8 [PICTURES, s, s, 3]


class Worker:
    """A contestant in a process of its own, idle but for its turns. Raises Absent when it fails."""

    def __init__(self, contestant: Contestant, folder: Path, batches: Sequence[int]) -> None:
        self.contestant = contestant
        spawn = multiprocessing.get_context("spawn")
        self._connection, theirs = spawn.Pipe()
        arguments = (theirs, contestant, folder, tuple(batches))
        self._process = spawn.Process(target=_work, args=arguments, daemon=True)
        self._process.start()
        theirs.close()

    @property
    def process(self) -> int:
        """Its process's number."""
        assert self._process.pid is not None  # it was started
        return self._process.pid

    def ready(self) -> Ready:
        """Wait until it can take turns."""
        if not self._connection.poll(STARTED_S):
            self.close()
            raise Absent(f"not ready within {STARTED_S} s")
        return cast(Ready, self._answer())

    def turn(self, batch: int, seconds: float) -> list[float]:
        """Seconds of each call of one turn, which lasts about so long; one more goes before."""
        return cast("list[float]", self._answer((batch, seconds)))

    def close(self) -> None:
        """End its process: it leaves when nobody speaks to it any more."""
        self._connection.close()
        self._process.join(LEAVES_S)
        self._process.kill()
        self._process.join()

    def _answer(self, question: tuple[int, float] | None = None) -> Any:
        try:
            if question:
                self._connection.send(question)
            answer = self._connection.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            raise Absent(f"its process ended with code {self._process.exitcode}") from None
        if isinstance(answer, Absent):
            raise answer
        return answer


def _work(
    connection: Connection, contestant: Contestant, folder: Path, batches: tuple[int, ...]
) -> None:
    try:
        ready, calls = _prepare(contestant, folder, batches)
        connection.send(ready)
        while True:
            batch, seconds = connection.recv()
            connection.send(_turn(calls[batch], seconds))
    except EOFError:
        return
    except Absent as reason:
        connection.send(reason)
    except Exception as error:  # whatever a runtime throws is its reason to be absent
        connection.send(Absent(" ".join(f"{type(error).__name__}: {error}".split())[:200]))


def _prepare(
    contestant: Contestant, folder: Path, batches: tuple[int, ...]
) -> tuple[Ready, dict[int, Call]]:
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - runtimes chat; it stays open to the end
    engine = ENGINES[contestant.runtime](contestant)
    path = folder / (contestant.network + engine.suffix)
    reason = path.with_name(path.name + REASON)
    if reason.exists():
        raise Absent(reason.read_text())
    before = _resident_bytes()
    engine.load(path)
    calls = {1: engine.call(latents(SEED, 1))}
    calls[1]()
    after = _resident_bytes()
    grown = None if before is None or after is None else after - before
    for batch in batches:
        calls[batch] = engine.call(latents(SEED, batch))
        calls[batch]()
    pictured = calls.get(PICTURES) or engine.call(latents(SEED, PICTURES))
    pictures = grey_levels(pictured())
    size = sum(part.stat().st_size for part in engine.files(path))
    return Ready(engine.version, size, grown, pictures), calls


def _turn(call: Call, seconds: float) -> list[float]:
    call()  # brings its weights and its threads back
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times


def _resident_bytes() -> int | None:
    """Of this process, with what is free given back; None where the system does not say."""
    gc.collect()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
