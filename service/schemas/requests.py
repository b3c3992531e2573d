"""What requests may say: queries and bodies."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from kernels.latents import LARGEST_SEED
from service.state.interface import Choice

LARGEST_COUNT = 64
LARGEST_STREAM = 10_000_000
FormatName = Literal["png", "jpeg", "webp", "npy", "json"]  # the keys of `images.FORMATS`

VariantName = Annotated[
    str,
    Field(
        max_length=80,
        description="A variant (`float`, `full`, `partial`) or an exact model (`partial@1`).",
    ),
]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
OptionalSeed = Annotated[
    int | None,
    Field(
        ge=0,
        le=LARGEST_SEED,
        description="Image i of an answer has seed `seed + i`. Absent: drawn at random and told in "
        "X-PBGen-Seed.",
    ),
]


class Interpolation(BaseModel):
    """A straight way between the latents of two seeds."""

    model_config = ConfigDict(extra="forbid")

    start: Annotated[Seed, Field(alias="from", description="The first image's seed.")]
    to: Annotated[Seed, Field(description="The last image's seed.")]
    steps: Annotated[int, Field(ge=2, le=LARGEST_COUNT, description="Images, ends included.")]


class GenerateQuery(BaseModel):
    """The query of POST /generate."""

    model_config = ConfigDict(extra="forbid")

    variant: VariantName = "partial"
    seed: OptionalSeed = None
    count: Annotated[
        int,
        Field(ge=1, le=LARGEST_COUNT, description="Images; several are one picture, a grid."),
    ] = 1
    format: Annotated[
        FormatName,
        Field(description="png, jpeg, webp: one picture. npy: u8 [N, S, S, 3]. json: base64."),
    ] = "png"


Latent = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]


class GenerateBody(BaseModel):
    """The optional body of POST /generate: latents, or interpolate, in place of a seed."""

    model_config = ConfigDict(extra="forbid")

    latents: Annotated[
        list[list[Latent]] | None,
        Field(
            min_length=1,
            max_length=LARGEST_COUNT,
            description="One list an image, of as many numbers as the variant's latent_dim says. "
            "Each is rounded to the nearest of 256 levels, (q − 127.5) / 127.5.",
        ),
    ] = None
    interpolate: Interpolation | None = None


class StreamQuery(BaseModel):
    """The query of POST /generate/stream."""

    model_config = ConfigDict(extra="forbid")

    variant: VariantName = "partial"
    seed: OptionalSeed = None
    count: Annotated[int, Field(ge=1, le=LARGEST_STREAM, description="Images.")] = 1000
    format: Annotated[
        Literal["png", "jpeg", "webp", "npy"], Field(description="Of each image by itself.")
    ] = "png"


class CompareQuery(BaseModel):
    """The query of POST /compare."""

    model_config = ConfigDict(extra="forbid")

    a: VariantName = "float"
    b: VariantName = "partial"
    c: Annotated[VariantName | None, Field(description="A third, if wanted.")] = None
    seed: OptionalSeed = None
    count: Annotated[int, Field(ge=1, le=LARGEST_COUNT, description="Images of each.")] = 8
    format: Annotated[
        Literal["json", "png"], Field(description="png: one labelled picture, a row a variant.")
    ] = "json"


class Swap(BaseModel):
    """The body of PUT /variants/{variant}."""

    model_config = ConfigDict(extra="forbid")

    model: Annotated[str, Field(max_length=80, description="name@version, of the same name.")]


class VoteBody(BaseModel):
    """The body of POST /arena/votes."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, Field(max_length=1000)]
    choice: Choice
