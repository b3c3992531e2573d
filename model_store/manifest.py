"""The manifest: what an artifact says about itself, as JSON in the file's metadata."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, TypedDict, cast

from kernels.spec import LayerSpec
from model_store import schema
from model_store.errors import FutureFormatError, ManifestError

FORMAT = 1


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


class Direction(TypedDict):
    """A principal direction of the first layer (`training/directions.py`)."""

    share: float  # of the sum of squares of the layer's weights
    vector: list[float]  # of unit length, a number for each latent


class Manifest(TypedDict):
    """The whole; an export may add further keys."""

    format: int
    variant: str
    architecture: str
    layers: list[LayerRow]
    provenance: Provenance
    swd: dict[str, float] | None  # sliced Wasserstein distance · 10³ by level, and its "mean"
    export: dict[str, Any]  # what rounding changed: `training.export.difference`, `swd_unrounded`
    directions: list[Direction]  # strongest first; perhaps none
    digest: str  # "sha256:…" over all the rest and the tensors: `artifact.digest`


def check(value: object) -> Manifest:
    """The value itself, if it is a complete manifest of a format that this version reads.

    Raises FutureFormatError for a later format, ManifestError for what is missing, of the wrong
    type, or cannot be told as it is (`schema.check_plain`). Whether the layer table agrees with the
    arrays is `artifact`'s to say.
    """
    if isinstance(value, dict) and type(value.get("format")) is int:
        number = value["format"]
        if number > FORMAT:
            raise FutureFormatError(
                f"the format is {schema.shown(number)}; this PBGen reads {FORMAT}, "
                "a newer one is needed"
            )
        if number < FORMAT:
            raise ManifestError(f"the format is {schema.shown(number)}; {FORMAT} would be right")
    schema.check("manifest", value, Manifest)
    manifest = cast(Manifest, value)
    schema.check_plain("manifest", manifest)
    if manifest["swd"] is not None and "mean" not in manifest["swd"]:
        raise ManifestError("manifest.swd.mean is missing")
    if not manifest["layers"]:
        raise ManifestError("manifest.layers is empty; at least one layer would be right")
    latent_dim = manifest["layers"][0]["c_in"]
    for i, direction in enumerate(manifest["directions"]):
        if len(direction["vector"]) != latent_dim:
            raise ManifestError(
                f"manifest.directions.{i}.vector has {len(direction['vector'])} numbers; "
                f"{latent_dim} would be right"
            )
    return manifest


def layer_row(layer: LayerSpec) -> dict[str, object]:
    """A row of the layer table as the arrays have it: geometry and precision, no redundancy."""
    return {**asdict(layer.geometry), "precision": layer.precision.value}
