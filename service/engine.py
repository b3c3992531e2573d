"""Generators that can run: load, warm up, say what they are."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from kernels import Generator
from kernels.latents import latents_of
from kernels.spec import Precision
from model_store import Artifact, ArtifactError, Entry, Store, UnknownModelError
from model_store.errors import UnreadableError
from model_store.folder import Hold
from model_store.manifest import Manifest
from model_store.store import Survey
from service.errors import BrokenModel, Unavailable, Unknown, shown
from service.logs import log

T = TypeVar("T")

FINDING_S = 10.0  # for the store to say whether it has a version that is to be loaded

Sources = Sequence[range | NDArray[np.uint8]]  # seeds, or latents u8 [N, dim]


@dataclass(frozen=True, eq=False)
class Model:
    """A generator that is prepared and has run, and what its artifact says of it."""

    variant: str  # the name that it has in the store
    label: str  # "partial@2"
    manifest: Manifest
    artifact_bytes: int
    generator: Generator
    hold: Hold  # taken while it is served, so that nobody removes the version

    @property
    def digest(self) -> str:
        return self.manifest["digest"]

    @property
    def resident_bytes(self) -> dict[str, int]:
        """What the generator holds, by precision; xnor, which is rare, only if it has such."""
        held = self.generator.resident_bytes
        return {each: count for each, count in held.items() if count or each != Precision.XNOR}

    def run(self, sources: Sources) -> NDArray[np.uint8]:
        """The images of all sources, one after the other: u8 [ΣN, S, S, 3]."""
        return self.generator.run(latents_from(sources, self.generator.latent_dim), alone=True)

    def run_together(self, sources: Sources) -> NDArray[np.uint8]:
        """The same by all threads that the generator has."""
        return self.generator.run(latents_from(sources, self.generator.latent_dim))


class Engine:
    """Makes models of a store's artifacts. Coroutines raise Unknown, BrokenModel for one that
    cannot be used, and Unavailable for a store that cannot be read.

    A store may be slow, or hang until its back end gives up: over HTTP, after five minutes. So
    threads of their own wait for it, for each kind of call others.
    """

    def __init__(self, store: Store, isa: str | None, threads: int) -> None:
        self._store = store
        self._isa = isa
        self._threads = threads
        self._listing = ThreadPoolExecutor(4, "pbgen-listing")
        self._reading = ThreadPoolExecutor(1, "pbgen-reading")  # one file at a time, for its memory
        # Two files, so that one that hangs does not stop the others; but one model at a time, which
        # takes more memory, and cores.
        self._loading = ThreadPoolExecutor(2, "pbgen-loading")
        self._preparing = threading.Lock()

    def load_active(self) -> list[Model]:
        """The active version of every name in the store, for the start: it blocks. A name whose
        versions cannot be told, since its index is damaged, is left out, and the log says so.

        Raises ArtifactError, of an empty store too, and ValueError for an instruction set that the
        machine lacks.
        """
        survey = self._store.survey()
        for problem in survey.problems:
            # What cannot be read now may be there at the next start, and nobody would miss it here.
            if isinstance(problem, UnreadableError) or not survey.entries:
                raise problem
            log.error("cannot serve what the store cannot tell: %s", problem)
        entries = [entry for entry in survey.entries if entry.active]
        if not entries:
            raise UnknownModelError("the model store is empty: there is nothing to serve")
        return [self._prepared(entry) for entry in entries]

    async def load(self, label: str) -> Model:
        """A model of its own: verified, prepared, and warmed up by a real generation.

        Raises Unavailable too, for a store that does not say whether it has the version.
        """
        try:
            # Anybody can ask for what is nowhere: that waits behind no file, and does not pile up.
            async with asyncio.timeout(FINDING_S):
                entry = await self.find(label)
            return await _ask(self._loading, lambda: self._prepared(entry))
        except TimeoutError:
            raise Unavailable("The model store does not answer now.", retry_after_s=1) from None
        except (MemoryError, RuntimeError) as error:  # its arrays are sound, but do not run here
            log.error("cannot run %s", label, exc_info=error)
            raise BrokenModel(f"{shown(label)} cannot be run on this machine now.") from None

    async def stored(self) -> Survey:
        """Every version in the store, and the names whose versions cannot be told. Raises what is
        wrong with the first of these if there is nothing else.
        """

        def survey() -> Survey:
            found = self._store.survey()
            return found if found.entries else Survey(self._store.list(), ())

        return await _ask(self._listing, survey)

    async def find(self, label: str) -> Entry:
        """The stored version that a label means."""
        return await _ask(self._listing, lambda: self._store.find(label))

    async def artifact(self, label: str) -> Artifact:
        """A stored version, verified anew but not prepared."""
        entry = await self.find(label)
        return await _ask(self._reading, lambda: self._store.open(entry))

    def _prepared(self, entry: Entry) -> Model:
        artifact = self._store.open(entry)
        with self._preparing:
            model = Model(
                variant=artifact.name,
                label=artifact.label,
                manifest=artifact.manifest,
                artifact_bytes=artifact.file_bytes,
                generator=Generator(artifact.spec, self._threads, self._isa),
                hold=self._store.hold(entry),
            )
            model.run([range(1)])  # so that the first request finds warm caches and mapped pages
        return model


async def _ask(threads: ThreadPoolExecutor, call: Callable[[], T]) -> T:
    try:
        return await asyncio.get_running_loop().run_in_executor(threads, call)
    except ArtifactError as error:  # its words hold no path and may be passed on
        if isinstance(error, UnreadableError) and "@" not in str(error.artifact):  # of no version
            log.warning("%s", error)
            raise Unavailable("The model store cannot be read now.", retry_after_s=1) from None
        kind = Unknown if isinstance(error, UnknownModelError) else BrokenModel
        raise kind(f"{error}.") from None


def latents_from(sources: Sources, dim: int) -> NDArray[np.uint8]:
    """The latents of seeds and of latents, in order: u8 [ΣN, dim]."""
    if all(isinstance(source, range) for source in sources):  # all seeds at once: most batches
        seeds = [seed for source in sources for seed in source]
        return latents_of(np.array(seeds, np.uint64), dim)
    return np.concatenate(
        [
            latents_of(np.array(source, np.uint64), dim) if isinstance(source, range) else source
            for source in sources
        ]
    )
