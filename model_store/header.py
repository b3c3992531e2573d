"""The head of a safetensors file, read as if an enemy had written it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from model_store.errors import (
    MalformedHeaderError,
    ManifestError,
    OversizedHeaderError,
    TensorError,
    TrailingDataError,
    TruncatedError,
)

LARGEST_HEADER = 2**20  # bytes; a manifest takes a few thousand
LENGTH_BYTES = 8
MANIFEST_KEY = "pbgen"
DTYPES = {"U8": "u1", "I16": "<i2", "F32": "<f4"}  # safetensors' name → NumPy's


@dataclass(frozen=True)
class Tensor:
    """Where a tensor lies: its bytes are file[begin:end], C-contiguous."""

    dtype: str  # safetensors' name, a key of DTYPES
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """What the head says; `manifest` is parsed JSON, not yet checked."""

    manifest: object
    tensors: Mapping[str, Tensor]


def parse_header(file: bytes) -> Header:
    """The header of a whole file; its tensors cover the rest of the file, each byte once.

    Raises one of `model_store.errors`.
    """
    if len(file) < LENGTH_BYTES:
        raise TruncatedError(f"{len(file)} bytes; a header's length alone takes {LENGTH_BYTES}")
    length = int.from_bytes(file[:LENGTH_BYTES], "little")
    if length > LARGEST_HEADER:
        raise OversizedHeaderError(
            f"a header of {length} bytes is announced; at most {LARGEST_HEADER} would be right"
        )
    start = LENGTH_BYTES + length
    if len(file) < start:
        raise TruncatedError(f"{len(file)} bytes; the header alone needs {start}")
    entries = _json_object("the header", file[LENGTH_BYTES:start])
    metadata = entries.pop("__metadata__", None)
    if not isinstance(metadata, dict) or not isinstance(metadata.get(MANIFEST_KEY), str):
        raise ManifestError(f'the metadata lacks "{MANIFEST_KEY}"; this is not a PBGen artifact')
    tensors = {name: _tensor(name, entry, start) for name, entry in entries.items()}
    _check_cover(tensors, start, len(file))
    manifest = metadata[MANIFEST_KEY].encode(errors="surrogatepass")  # refused when decoded
    return Header(_json_object("the manifest", manifest), tensors)


def _json_object(what: str, text: bytes) -> dict[str, Any]:
    """Parses an object; UTF-8, no key twice. (Integers and depth are bounded by Python's own.)"""
    try:
        value = json.loads(text.decode(), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        raise MalformedHeaderError(f"{what} is not JSON; the file is damaged") from None
    if not isinstance(value, dict):
        raise MalformedHeaderError(f"{what} is JSON, but no object; the file is damaged")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key stands twice")
    return result


def _tensor(name: str, entry: object, start: int) -> Tensor:
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [begin, end]}:
            numbers = [begin, end, *shape]
        case _:
            raise MalformedHeaderError(f"tensor {name[:40]!r} lacks dtype, shape or data_offsets")
    if dtype not in DTYPES:
        raise TensorError(
            f"tensor {name[:40]!r} has dtype {dtype[:10]!r}; {', '.join(DTYPES)} would be right"
        )
    # Bounds first: a product of unbounded integers could be too long to print or to compute.
    if len(shape) > 4 or 0 in shape or not all(type(n) is int and 0 <= n < 2**40 for n in numbers):
        raise MalformedHeaderError(f"tensor {name[:40]!r} has an impossible shape or data_offsets")
    needed = math.prod(shape) * int(DTYPES[dtype][-1])
    if end - begin != needed:
        raise MalformedHeaderError(
            f"tensor {name[:40]!r} has {end - begin} bytes; its shape {shape} needs {needed}"
        )
    return Tensor(dtype, tuple(shape), start + begin, start + end)


def _check_cover(tensors: Mapping[str, Tensor], start: int, file_bytes: int) -> None:
    """The tensors must follow each other without gap or overlap from `start` to the file's end."""
    spans = sorted((tensor.begin, tensor.end) for tensor in tensors.values())
    edges = [(start, start), *spans]
    for (_, end), (begin, _) in pairwise(edges):
        if begin != end:
            raise MalformedHeaderError(
                f"a tensor begins at byte {begin}; {end}, where the one before ends, would be right"
            )
    end = edges[-1][1]
    if file_bytes < end:
        raise TruncatedError(f"{file_bytes} bytes; the header announces {end}")
    if file_bytes > end:
        raise TrailingDataError(f"{file_bytes} bytes; the header announces only {end}")
