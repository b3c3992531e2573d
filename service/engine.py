"""Generators that can run: load, warm up, say what they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernels import Generator
from kernels.latents import latents_of
from model_store import Artifact, Entry, Store, UnknownModelError
from model_store.manifest import Manifest

Sources = Sequence[range | NDArray[np.uint8]]  # seeds, or latents u8 [N, dim]


@dataclass(frozen=True, eq=False)
class Model:
    """A generator that is prepared and has run, and what its artifact says of it."""

    variant: str  # the name that it has in the store
    label: str  # "partial@2"
    manifest: Manifest
    artifact_bytes: int
    generator: Generator

    @property
    def digest(self) -> str:
        return self.manifest["digest"]

    def run(self, sources: Sources) -> NDArray[np.uint8]:
        """The images of all sources, one after the other: u8 [ΣN, S, S, 3]."""
        return self.generator.run(latents_from(sources, self.generator.latent_dim), alone=True)

    def run_together(self, sources: Sources) -> NDArray[np.uint8]:
        """The same by all threads that the generator has."""
        return self.generator.run(latents_from(sources, self.generator.latent_dim))


class Engine:
    """Makes models of a store's artifacts. Methods block; only `load_active` at start may.

    They raise ArtifactError for an artifact that cannot be used, and ValueError for an instruction
    set that the machine lacks.
    """

    def __init__(self, store: Store, isa: str | None, threads: int) -> None:
        self._store = store
        self._isa = isa
        self._threads = threads

    def load_active(self) -> list[Model]:
        """The active version of every name in the store, which must not be empty."""
        labels = [entry.label for entry in self._store.list() if entry.active]
        if not labels:
            raise UnknownModelError("the model store is empty: there is nothing to serve")
        return [self.load(label) for label in labels]

    def load(self, label: str) -> Model:
        """A model of its own: verified, prepared, and warmed up by a real generation."""
        artifact = self._store.open(label)
        model = Model(
            variant=artifact.name,
            label=artifact.label,
            manifest=artifact.manifest,
            artifact_bytes=artifact.file_bytes,
            generator=Generator(artifact.spec, self._threads, self._isa),
        )
        model.run([range(1)])  # so that the first request finds warm caches and mapped pages
        return model

    def stored(self) -> tuple[Entry, ...]:
        """Every version in the store."""
        return self._store.list()

    def artifact(self, label: str) -> Artifact:
        """A stored version, verified but not prepared."""
        return self._store.open(label)


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
