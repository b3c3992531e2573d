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
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from kernels.spec import Deconvolution, GeneratorSpec, LayerSpec, Precision
from model_store.errors import (
    ArtifactError,
    DigestError,
    ManifestError,
    NonFiniteError,
    TensorError,
    UnknownModelError,
    UnreadableError,
)
from model_store.header import DTYPES, MANIFEST_KEY, Tensor, parse_header
from model_store.manifest import FORMAT, LayerRow, Manifest, canonical, check, layer_row

LARGEST_FILE = 2**30  # bytes; the float generator at full size takes 51 million

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


def read(
    path: str | os.PathLike[str], name: str | None = None, version: int | None = None
) -> Artifact:
    """The artifact in a file, verified; without a name it is called as the file.

    The arrays are read-only. Raises ArtifactError, one subclass a cause.
    """
    path = Path(path)
    name = path.name if name is None else name
    try:
        file = _read_bytes(path)
        manifest, spec = decode(file)
    except ArtifactError as error:
        error.artifact = name if version is None else f"{name}@{version}"
        raise
    return Artifact(name, version, manifest, spec, len(file))


def write(path: str | os.PathLike[str], spec: GeneratorSpec, manifest: Mapping[str, Any]) -> str:
    """Writes an artifact and returns its digest; equal arguments give equal bytes.

    `manifest` is a `Manifest`; `format` and `digest` are set here. A reader sees the old file or
    the whole new one, never a part. Raises ArtifactError for what could not be read back, before
    anything is written, and OSError.
    """
    tensors = {
        f"layers.{i}.{part}": np.ascontiguousarray(getattr(layer, part))
        for i, layer in enumerate(spec.layers)
        for part in ("weight", "scale", "shift")
    }
    file = encode(tensors, manifest)
    complete, decoded = decode(file)
    for i, (layer, stored) in enumerate(zip(spec.layers, decoded.layers, strict=True)):
        right, told = layer_row(layer), layer_row(stored)
        if told != right:
            raise ManifestError(f"layer {i} of the manifest is {told}; the spec's is {right}")
    _write_atomically(Path(path), file)
    return complete["digest"]


def digest(manifest: Mapping[str, Any], tensors: Tensors) -> str:
    """The content's digest, "sha256:" and 64 hexadecimal digits.

    What is hashed: the manifest without its digest, as canonical JSON and a line end; then for each
    tensor in the order of names [name, dtype, shape] likewise, and its bytes.
    """
    rest = {key: value for key, value in manifest.items() if key != "digest"}
    sha = hashlib.sha256(canonical(rest) + b"\n")
    for name, array in sorted(tensors.items()):
        sha.update(canonical([name, array.dtype.name, list(array.shape)]) + b"\n")
        sha.update(np.ascontiguousarray(array).data)
    return f"sha256:{sha.hexdigest()}"


def encode(tensors: Tensors, manifest: Mapping[str, Any]) -> bytes:
    """The file's bytes, with `format` and `digest` set; nothing else is checked."""
    content = {**manifest, "format": FORMAT}
    content["digest"] = digest(content, tensors)
    metadata = {MANIFEST_KEY: canonical(content).decode()}
    return safetensors.numpy.save(dict(tensors), metadata)


def decode(file: bytes) -> tuple[Manifest, GeneratorSpec]:
    """The manifest and spec in a file's bytes, verified. Raises ArtifactError."""
    header = parse_header(file)
    manifest = check(header.manifest)
    tensors = {name: _array(file, tensor) for name, tensor in header.tensors.items()}
    found = digest(manifest, tensors)
    if found != manifest["digest"]:
        raise DigestError(
            f"the content's digest is {found}; the manifest says {manifest['digest'][:71]!r}"
        )
    return manifest, _spec(manifest["layers"], tensors)


def _array(file: bytes, tensor: Tensor) -> NDArray[np.generic]:
    """A read-only view of the file's bytes; a copy where an odd header leaves them unaligned."""
    count = math.prod(tensor.shape)
    view = np.frombuffer(file, DTYPES[tensor.dtype], count, tensor.begin)
    return np.require(view.reshape(tensor.shape), requirements="A")


def _read_bytes(path: Path) -> bytes:
    try:
        if not path.exists():
            raise UnknownModelError("there is no such file")
        if not path.is_file():
            raise UnreadableError("this is no file; a .safetensors file would be right")
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise UnreadableError(f"{size} bytes; at most {LARGEST_FILE} would be right")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"it cannot be read: {error.strerror}") from None


def _write_atomically(path: Path, content: bytes) -> None:
    """Writes beside the path and renames: whoever opens the path gets the old content or the new.

    Content and name are on disk when this returns.
    """
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        try:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o644)  # a temporary file is its owner's alone
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _spec(rows: list[LayerRow], tensors: Tensors) -> GeneratorSpec:
    remaining = dict(tensors)
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
    for part in ("weight", "scale", "shift"):
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
