"""One artifact: a safetensors file with the manifest in its metadata. Read, write, verify.

The file is [u64 length of the header][header: JSON][the tensors' bytes], little-endian, as
https://github.com/huggingface/safetensors describes. Tensors are `layers.{i}.weight|scale|shift`
with the dtypes and shapes of `kernels.spec.LayerSpec`; the metadata's one key holds the manifest.
Reading trusts nothing: whatever the bytes, it gives a verified artifact or one of
`model_store.errors` (docs/decisions/0001-own-safetensors-reader.md).
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from kernels.spec import Deconvolution, GeneratorSpec, LayerSpec, Precision
from model_store.errors import (
    DigestError,
    ManifestError,
    NonFiniteError,
    TensorError,
    about,
)
from model_store.folder import read_file, write_file
from model_store.header import DTYPES, MANIFEST_KEY, Tensor, parse_header
from model_store.manifest import FORMAT, LayerRow, Manifest, check, layer_row
from model_store.schema import canonical

PARTS = ("weight", "scale", "shift")  # of a layer, each a tensor
Tensors = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class Artifact:
    """A verified artifact: its digest is right and its spec can be run."""

    name: str
    version: int | None  # None: a file outside any store
    manifest: Manifest
    spec: GeneratorSpec
    file_bytes: int

    @property
    def digest(self) -> str:
        """What `digest` says of the content."""
        return self.manifest["digest"]

    @property
    def label(self) -> str:
        """The name and version as `Store.open` takes them: "partial@2"."""
        return self.name if self.version is None else f"{self.name}@{self.version}"


def read(path: str | os.PathLike[str]) -> Artifact:
    """The artifact in a file, verified; it is called as the file and has no version.

    The arrays are read-only. Raises ArtifactError, one subclass a cause.
    """
    path = Path(path)
    with about(path.name):
        return parse(read_file(path), path.name, None)


def parse(file: bytes, name: str, version: int | None) -> Artifact:
    """The artifact in a file's bytes, verified. Raises ArtifactError."""
    manifest, spec = decode(file)
    return Artifact(name, version, manifest, spec, len(file))


def write(path: str | os.PathLike[str], spec: GeneratorSpec, manifest: Mapping[str, Any]) -> str:
    """Writes an artifact and returns its digest; equal arguments give equal bytes.

    `manifest` is a `Manifest`; `format` and `digest` are set here. A reader sees the old file or
    the whole new one, never a part. Raises ArtifactError for what could not be read back, before
    anything is written, and OSError.
    """
    file = encode(tensors(spec), manifest)
    complete, decoded = decode(file)
    for i, (layer, stored) in enumerate(zip(spec.layers, decoded.layers, strict=True)):
        right, told = layer_row(layer), layer_row(stored)
        if told != right:
            raise ManifestError(f"layer {i} of the manifest is {told}; the spec's is {right}")
    write_file(Path(path), file)
    return complete["digest"]


def tensors(spec: GeneratorSpec) -> dict[str, NDArray[np.generic]]:
    """The spec's arrays by their names in the file, C-contiguous."""
    return {
        f"layers.{i}.{part}": np.ascontiguousarray(getattr(layer, part))
        for i, layer in enumerate(spec.layers)
        for part in PARTS
    }


def digest(manifest: Mapping[str, Any], arrays: Tensors) -> str:
    """The content's digest, "sha256:" and 64 hexadecimal digits.

    What is hashed: the manifest without its digest, as canonical JSON and a line end; then for each
    tensor in the order of names [name, dtype, shape] likewise, and its bytes.
    """
    rest = {key: value for key, value in manifest.items() if key != "digest"}
    sha = hashlib.sha256(canonical(rest) + b"\n")
    for name, array in sorted(arrays.items()):
        sha.update(canonical([name, array.dtype.name, list(array.shape)]) + b"\n")
        sha.update(np.ascontiguousarray(array).data)
    return f"sha256:{sha.hexdigest()}"


def encode(arrays: Tensors, manifest: Mapping[str, Any]) -> bytes:
    """The file's bytes, with `format` and `digest` set; nothing else is checked."""
    content = {**manifest, "format": FORMAT}
    content["digest"] = digest(content, arrays)
    metadata = {MANIFEST_KEY: canonical(content).decode()}
    return safetensors.numpy.save(dict(arrays), metadata)


def decode(file: bytes) -> tuple[Manifest, GeneratorSpec]:
    """The manifest and spec in a file's bytes, verified. Raises ArtifactError."""
    header = parse_header(file)
    manifest = check(header.manifest)
    arrays = {name: _array(file, tensor) for name, tensor in header.tensors.items()}
    found = digest(manifest, arrays)
    if found != manifest["digest"]:
        raise DigestError(
            f"the content's digest is {found}; the manifest says {manifest['digest'][:71]!r}"
        )
    return manifest, _spec(manifest["layers"], arrays)


def _array(file: bytes, tensor: Tensor) -> NDArray[np.generic]:
    """A read-only view of the file's bytes; a copy where an odd header leaves them unaligned."""
    count = math.prod(tensor.shape)
    view = np.frombuffer(file, DTYPES[tensor.dtype], count, tensor.begin)
    return np.require(view.reshape(tensor.shape), requirements="A")


def _spec(rows: list[LayerRow], arrays: Tensors) -> GeneratorSpec:
    remaining = dict(arrays)
    layers = tuple(_layer(i, row, remaining) for i, row in enumerate(rows))
    if remaining:
        raise TensorError(f"tensor {min(remaining)[:40]!r} belongs to no layer of the manifest")
    try:
        return GeneratorSpec(layers)
    except ValueError as error:
        raise TensorError(str(error)) from None


def _layer(i: int, row: LayerRow, remaining: dict[str, NDArray[np.generic]]) -> LayerSpec:
    """Layer `i` by its row of the manifest; takes its tensors out of `remaining`."""
    if row["precision"] not in set(Precision):
        raise ManifestError(
            f"layer {i}: precision is {row['precision'][:40]!r}; {', '.join(Precision)} are known"
        )
    try:
        geometry = Deconvolution(
            c_in=row["c_in"],
            c_out=row["c_out"],
            kernel=row["kernel"],
            stride=row["stride"],
            padding=row["padding"],
            size_in=row["size_in"],
        )
    except ValueError as error:
        raise ManifestError(f"layer {i}: {error}") from None
    arrays: dict[str, Any] = {}
    for part in PARTS:
        name = f"layers.{i}.{part}"
        if name not in remaining:
            raise TensorError(f"tensor {name!r} is missing")
        arrays[part] = remaining.pop(name)
        if arrays[part].dtype.kind == "f" and not np.isfinite(arrays[part]).all():
            raise NonFiniteError(
                f"tensor {name!r} holds NaN or infinity; finite numbers would be right"
            )
    try:
        return LayerSpec(geometry, Precision(row["precision"]), **arrays)
    except ValueError as error:
        raise TensorError(f"layer {i}: {error}") from None
