"""Answers about variants and stored models."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from model_store.manifest import LayerRow


class Layer(BaseModel):
    """One deconvolution of a generator."""

    c_in: int
    c_out: int
    kernel: int
    stride: int
    size_in: Annotated[int, Field(description="Height and width of the input, in pixels.")]
    precision: Annotated[str, Field(description="`binary`, `fixed`, `float` or `xnor`.")]
    redundancy: Annotated[
        float, Field(description="The paper's metric, c_in·k² / (h_out·w_out); above 1: redundant.")
    ]

    @classmethod
    def of(cls, row: LayerRow) -> Layer:
        """A row of a manifest's layer table as the interface tells it."""
        return cls.model_validate({**row, "redundancy": row["redundancy"]["ratio"]})


class Variant(BaseModel):
    """What is served under a variant's name."""

    variant: str
    model: Annotated[str, Field(description="The stored version, name@version.")]
    digest: str
    isa: Annotated[str, Field(description="The instruction set that the kernels use.")]
    image_size: Annotated[int, Field(description="Height and width of an image, in pixels.")]
    latent_dim: int
    artifact_bytes: Annotated[int, Field(description="The file's size.")]
    resident_bytes: Annotated[
        dict[str, int],
        Field(
            description="What the prepared generator holds: weights by precision (`binary`, "
            "`fixed`, `float`; `xnor` if it has such), and `scale`: scales and shifts."
        ),
    ]
    swd: Annotated[
        dict[str, float] | None,
        Field(description="Sliced Wasserstein distance to real faces, ×10³, by level, and mean."),
    ]
    layers: list[Layer]


class Variants(BaseModel):
    """Every variant that is served."""

    variants: list[Variant]


class StoredModel(BaseModel):
    """One version in the store."""

    name: str
    version: int
    aliases: list[str]
    served: bool


class Models(BaseModel):
    """Every version in the store."""

    models: list[StoredModel]
    problems: list[str]  # of each name whose versions cannot be told


class Direction(BaseModel):
    """A direction in latent space that the first layer answers to strongly."""

    share: Annotated[
        float, Field(description="Of the sum of squares of the first layer's weights.")
    ]
    vector: Annotated[
        list[float],
        Field(description="Of unit length; a step t along it adds t times these to the latents."),
    ]


class ModelDetails(BaseModel):
    """All that a stored version says of itself."""

    model: str
    variant: str
    architecture: str
    digest: str
    artifact_bytes: int
    layers: list[Layer]
    swd: dict[str, float] | None
    directions: Annotated[
        list[Direction],
        Field(
            description="Principal directions of the first layer, strongest first; latents moved "
            "along them go into POST /generate. Empty: the artifact holds none."
        ),
    ]
    provenance: Annotated[dict[str, Any], Field(description="Data, its terms, training, commit.")]
    export: Annotated[dict[str, Any], Field(description="What rounding changed.")]
