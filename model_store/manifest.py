"""The manifest: what an artifact says about itself, as JSON in the file's metadata."""

from __future__ import annotations

import json
from dataclasses import asdict
from types import UnionType
from typing import Any, TypedDict, cast, get_args, get_origin, get_type_hints, is_typeddict

from kernels.spec import LayerSpec
from model_store.errors import FutureFormatError, ManifestError

FORMAT = 1
LARGEST_INTEGER = 2**64 - 1  # a seed's bound


class Redundancy(TypedDict):
    """The paper's dimension metric of one layer (arXiv 1802.09153; `training/redundancy.py`)."""

    rank: int  # c_in · k²
    positions: int  # h_out · w_out
    ratio: float
    redundant: bool


class LayerRow(TypedDict):
    """One row of the layer table: `kernels.spec.Deconvolution`, the precision, and the metric."""

    c_in: int
    c_out: int
    kernel: int
    stride: int
    padding: int
    size_in: int
    precision: str
    redundancy: Redundancy


class Provenance(TypedDict):
    """Where the weights come from; an export may add further keys."""

    dataset: str
    terms: str
    images_seen: int
    seed: int
    options: dict[str, Any]
    commit: str


class Manifest(TypedDict):
    """The whole; an export may add further keys."""

    format: int
    variant: str
    architecture: str
    layers: list[LayerRow]
    provenance: Provenance
    swd: dict[str, float] | None  # sliced Wasserstein distance · 10³ by level, and its "mean"
    export: dict[str, Any]  # what rounding changed: grey levels between kernels and training graph
    digest: str  # "sha256:…" over all the rest and the tensors: `artifact.digest`


_NAMES: dict[type, str] = {  # JSON's types, for messages
    dict: "an object",
    list: "a list",
    str: "text",
    int: "an integer",
    float: "a number",
    bool: "true or false",
}


def canonical(value: object) -> bytes:
    """The one JSON text of a value: sorted keys, no spaces, UTF-8.

    Raises ManifestError for what JSON cannot hold.
    """
    try:
        return json.dumps(
            value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        ).encode()
    except (TypeError, ValueError, RecursionError):  # ValueError: NaN, a lone surrogate
        raise ManifestError(
            "the manifest holds what JSON cannot: only finite numbers, text, lists and objects "
            "would be right"
        ) from None


def check(value: object) -> Manifest:
    """The value itself, if it is a complete manifest of a format that this version reads.

    Raises FutureFormatError for a later format, ManifestError for what is missing or of the wrong
    type. Whether the layer table agrees with the arrays is `artifact`'s to say.
    """
    if isinstance(value, dict) and type(value.get("format")) is int:
        number = value["format"]
        if number > FORMAT:
            raise FutureFormatError(
                f"the format is {_shown(number)}; this PBGen reads {FORMAT}, a newer one is needed"
            )
        if number < FORMAT:
            raise ManifestError(f"the format is {_shown(number)}; {FORMAT} would be right")
    _check("manifest", value, Manifest)
    manifest = cast(Manifest, value)
    if not manifest["layers"]:
        raise ManifestError("manifest.layers is empty; at least one layer would be right")
    return manifest


def layer_row(layer: LayerSpec) -> dict[str, object]:
    """A row of the layer table as the arrays have it: geometry and precision, no redundancy."""
    return {**asdict(layer.geometry), "precision": layer.precision.value}


def _check(where: str, value: object, kind: Any) -> None:
    """Raises ManifestError unless `value`, at the dotted name `where`, is of the annotated kind."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_typeddict(kind):
        _check_fields(where, _of_type(where, value, dict), get_type_hints(kind))
    elif origin is UnionType:  # X | None
        if value is not None:
            _check(where, value, arguments[0])
    elif origin is list:
        for i, item in enumerate(_of_type(where, value, list)):
            _check(f"{where}.{i}", item, arguments[0])
    elif origin is dict:
        names = _of_type(where, value, dict)
        _check_fields(where, names, dict.fromkeys(names, arguments[1]))
    elif kind is not Any:
        _of_type(where, value, kind)


def _check_fields(where: str, value: dict[str, object], kinds: dict[str, Any]) -> None:
    for name, kind in kinds.items():
        if name not in value:
            raise ManifestError(f"{where}.{name} is missing")
        shown = ascii(name[:40])[1:-1]  # whatever the file says, a message can be printed
        _check(f"{where}.{shown}", value[name], kind)


def _of_type(where: str, value: object, kind: type) -> Any:
    """The value, if it is of JSON's type `kind`: an integer is a number too, a boolean is none."""
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise ManifestError(f"{where} is {_shown(value)}; {_NAMES[kind]} would be right")
    if kind is int and not 0 <= cast(int, value) <= LARGEST_INTEGER:
        raise ManifestError(f"{where} is {_shown(value)}; 0 to 2^64 − 1 would be right")
    return value


def _shown(value: object) -> str:
    """A value for a message: JSON, at most 40 characters."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        return "a larger integer than 2^64 − 1" if value > 0 else "a negative integer"
    return json.dumps(value)[:40]
