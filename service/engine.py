"""The active generator of each variant: load, warm up, say what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernels import Generator
from kernels.latents import latents_of
from model_store import Artifact, Store, UnknownModelError
from model_store.manifest import Manifest

Pixels = NDArray[np.uint8]
Sources = Sequence[range | NDArray[np.uint8]]  # seeds, or latents u8 [N, dim]


@dataclass(frozen=True, eq=False)
class Model:
    """A generator that is prepared and has run, and what its artifact says of it."""

    variant: str
    label: str  # "partial@2"
    manifest: Manifest
    artifact_bytes: int
    generator: Generator

    @property
    def digest(self) -> str:
        return self.manifest["digest"]

    def run(self, sources: Sources) -> Pixels:
        """The images of all sources, one after the other: u8 [ΣN, S, S, 3]."""
        return self.generator.run(latents_from(sources, self.generator.latent_dim))


class Engine:
    """What is served: a store's generators by the name of their variant."""

    def __init__(self, store: Store, isa: str | None) -> None:
        self._store = store
        self._isa = isa
        self._active: dict[str, Model] = {}

    def load(self) -> None:
        """Loads and warms up the active version of every name in the store.

        Raises ArtifactError for an artifact that cannot be used or an empty store, ValueError for
        an instruction set that the machine lacks.
        """
        names = [entry.name for entry in self._store.list() if entry.active]
        if not names:
            raise UnknownModelError("the model store is empty: there is nothing to serve")
        self._active = {name: self._prepare(self._store.open(name)) for name in names}

    @property
    def active(self) -> Mapping[str, Model]:
        return self._active

    def find(self, variant: str) -> Model | None:
        """The model of a variant's name, or of "name@version" if that version is active."""
        model = self._active.get(variant.partition("@")[0])
        return model if model and variant in (model.variant, model.label) else None

    def _prepare(self, artifact: Artifact) -> Model:
        model = Model(
            variant=artifact.name,
            label=artifact.label,
            manifest=artifact.manifest,
            artifact_bytes=artifact.file_bytes,
            generator=Generator(artifact.spec, isa=self._isa),
        )
        model.run([range(1)])  # so that the first request finds warm caches and mapped pages
        return model


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
