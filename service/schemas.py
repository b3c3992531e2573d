"""What requests may say and what answers hold; the OpenAPI document is made from these."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from kernels.latents import LARGEST_SEED

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


class Interpolation(BaseModel):
    """A straight way between the latents of two seeds."""

    model_config = ConfigDict(extra="forbid")

    start: Annotated[Seed, Field(alias="from", description="The first image's seed.")]
    to: Annotated[Seed, Field(description="The last image's seed.")]
    steps: Annotated[int, Field(ge=2, le=LARGEST_COUNT, description="Images, ends included.")]


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


class EncodedImage(BaseModel):
    """One image of a JSON answer."""

    seed: int | None
    png: Annotated[str, Field(description="Base64.")]


class EncodedImages(BaseModel):
    """The images of a request with format=json."""

    images: list[EncodedImage]


class ComparedImage(BaseModel):
    """A seed's image by one variant."""

    seed: int
    png: Annotated[str, Field(description="Base64.")]


class Timing(BaseModel):
    """Milliseconds of one image, as the median over the compared ones."""

    queue: float
    generate: float
    encode: float


class Compared(BaseModel):
    """One variant of a comparison."""

    variant: str
    model: str
    digest: str
    timing_ms: Timing
    resident_bytes: int
    artifact_bytes: int
    swd: Annotated[float | None, Field(description="Mean over the levels; lower is better.")]
    images: list[ComparedImage]


class Ratios(BaseModel):
    """How many times the first variant needs what another needs."""

    variant: str
    generate: float
    resident_bytes: float
    artifact_bytes: float


class Likeness(BaseModel):
    """How near the images of two variants are that learned from one teacher, a value a seed."""

    variants: tuple[str, str]
    psnr_db: Annotated[list[float | None], Field(description="null: equal images.")]
    ssim: list[float]


class Comparison(BaseModel):
    """The same latents through two or three variants."""

    variants: list[Compared]
    ratios: Annotated[list[Ratios], Field(description="The first variant's over each other's.")]
    likeness: Annotated[
        list[Likeness], Field(description="Of the pairs that learned from one teacher.")
    ]


class Layer(BaseModel):
    """One deconvolution of a generator."""

    c_in: int
    c_out: int
    kernel: int
    stride: int
    size_in: Annotated[int, Field(description="Height and width of the input, in pixels.")]
    precision: Annotated[str, Field(description="`binary`, `fixed` or `float`.")]
    redundancy: Annotated[
        float, Field(description="The paper's metric, c_in·k² / (h_out·w_out); above 1: redundant.")
    ]


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
        dict[str, int], Field(description="What the prepared generator holds, by precision.")
    ]
    swd: Annotated[
        dict[str, float] | None,
        Field(description="Sliced Wasserstein distance to real faces, ×10³, by level, and mean."),
    ]
    layers: list[Layer]


class Variants(BaseModel):
    """Every variant that is served."""

    variants: list[Variant]


class Swap(BaseModel):
    """The body of PUT /variants/{variant}."""

    model_config = ConfigDict(extra="forbid")

    model: Annotated[str, Field(max_length=80, description="name@version, of the same name.")]


class StoredModel(BaseModel):
    """One version in the store."""

    name: str
    version: int
    aliases: list[str]
    served: bool


class Models(BaseModel):
    """Every version in the store."""

    models: list[StoredModel]


class ModelDetails(BaseModel):
    """All that a stored version says of itself."""

    model: str
    variant: str
    architecture: str
    digest: str
    artifact_bytes: int
    layers: list[Layer]
    swd: dict[str, float] | None
    provenance: Annotated[dict[str, Any], Field(description="Data, its terms, training, commit.")]
    export: Annotated[dict[str, Any], Field(description="What rounding changed.")]


class Health(BaseModel):
    """Whether the service is alive, or ready."""

    status: Literal["alive", "ready"]


class FieldProblem(BaseModel):
    """One value of a request that is not possible."""

    model_config = ConfigDict(populate_by_name=True)

    place: Annotated[str, Field(alias="in", description="`query`, `path`, `header` or `body`.")]
    name: str
    value: Annotated[str, Field(description="What was sent, shortened.")]
    bound: Annotated[str, Field(description="What it must be.")]


class ProblemDetails(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: Annotated[str, Field(description="Names this occurrence by its X-Request-ID.")]
    errors: list[FieldProblem] | None = None
