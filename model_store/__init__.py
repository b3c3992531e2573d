"""Generators by name: versions, manifests, digests.

    spec = model_store.load("partial")  # or "partial@2", or a path

`Store` gives the whole `Artifact`, with its manifest and digest.
"""

from __future__ import annotations

import os

from kernels.spec import GeneratorSpec
from model_store import artifact
from model_store.artifact import Artifact
from model_store.errors import ArtifactError, UnknownModelError
from model_store.store import SUFFIX, Entry, Store

__all__ = ["Artifact", "ArtifactError", "Entry", "Store", "UnknownModelError", "load", "read"]


def load(model: str | os.PathLike[str]) -> GeneratorSpec:
    """The generator of `read(model)`."""
    return read(model).spec


def read(model: str | os.PathLike[str]) -> Artifact:
    """The artifact of a name, "name@version", or path (anything that ends in .safetensors).

    Verified. Raises ArtifactError, one subclass a cause; UnknownModelError lists what there is.
    """
    if isinstance(model, str) and not model.endswith(SUFFIX):
        return Store().open(model)
    return artifact.read(model)
