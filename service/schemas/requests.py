"""What requests may say: queries and bodies."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from kernels.latents import LARGEST_SEED
from service.state.interface import Choice

LARGEST_COUNT = 64
LARGEST_STREAM = 10_000_000
LARGEST_LATENT = 1024  # numbers
MOST_NAMES = 16  # of an object
ROUNDED = 2.0**53  # from here on a float may stand for more than one integer
FormatName = Literal["png", "jpeg", "webp", "npy", "json"]  # the keys of `images.FORMATS`


class Asked(BaseModel):
    """What a request says, by known names alone.

    Of many names most are unknown, and each of these would cost an error; so do not look at them.
    """

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _few(cls, data: object) -> object:
        if isinstance(data, dict) and len(data) > MOST_NAMES:
            raise PydanticCustomError("too_many_names", "too many names", {"most": MOST_NAMES})
        return data


def _digits(text: str, sign: str = "") -> str:
    digits = text.removeprefix(sign)
    if not (digits.isascii() and digits.isdecimal()):
        raise PydanticCustomError("no_digits", "other than digits")
    return text


def _in_digits(value: object) -> object:
    return _digits(value, "-") if isinstance(value, str) else value


def _number(value: object) -> object:
    if isinstance(value, bool | str):
        raise PydanticKnownError("int_type")
    return value


def _number_or_digits(value: object) -> object:
    if isinstance(value, str):
        return _digits(value)
    if isinstance(value, float) and abs(value) >= ROUNDED:
        raise PydanticCustomError("rounded", "perhaps not the integer that was sent")
    return _number(value)


# Pydantic itself also takes 1_0, 1.0 and blanks around; of JSON true, and whatever a float becomes.
DIGITS = BeforeValidator(_in_digits)
NUMBER = BeforeValidator(_number)

VariantName = Annotated[
    str,
    Field(
        max_length=80,
        description="A variant (`float`, `full`, `partial`), an exact model (`partial@2`), or "
        "`auto`: where the service runs an experiment, what the client was drawn for.",
    ),
]
WIDE = {"format": "int64"}  # without it, typed clients take 32 bits
Seed = Annotated[
    int,
    Field(
        ge=0,
        le=LARGEST_SEED,
        description="Decides the latent vector.",
        json_schema_extra={**WIDE},
    ),
    DIGITS,
]
OptionalSeed = Annotated[
    Seed | None,
    Field(
        description="Image i of an answer has seed `seed + i`. Absent: drawn at random, below "
        "2^53, and told in X-PBGen-Seed."
    ),
]


# JavaScript's numbers are floats, so there a large seed is text.
BodySeed = Annotated[
    int,
    Field(ge=0, le=LARGEST_SEED),
    BeforeValidator(_number_or_digits),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": LARGEST_SEED, **WIDE},
                {"type": "string", "pattern": "^[0-9]+$"},
            ]
        }
    ),
]


class Interpolation(Asked):
    """A straight way between the latents of two seeds."""

    start: Annotated[
        BodySeed, Field(alias="from", description="The first image's seed; also as text of digits.")
    ]
    to: Annotated[BodySeed, Field(description="The last image's seed; also as text of digits.")]
    steps: Annotated[
        int, Field(ge=2, le=LARGEST_COUNT, description="Images, ends included."), NUMBER
    ]


class NoQuery(Asked):
    """The query of a call that takes none."""


class GenerateQuery(Asked):
    """The query of POST /generate."""

    variant: VariantName = "partial"
    seed: OptionalSeed = None
    count: Annotated[
        int,
        Field(
            ge=1,
            le=LARGEST_COUNT,
            description="Images; several are one picture: a grid of ⌈√count⌉ columns, row by row, "
            "the rest of the last row black. Beside a body, which says how many, none is given.",
        ),
        DIGITS,
    ] = 1
    format: Annotated[
        FormatName,
        Field(
            description="png, jpeg, webp: one picture. npy: u8 [N, S, S, 3]. json: base64. This "
            "alone decides; `Accept` is not looked at."
        ),
    ] = "png"


# Of latents the first wrong number alone is told, and nothing after it is looked at.
Latent = Annotated[
    list[Annotated[float, Field(strict=True, ge=-1, le=1, allow_inf_nan=False)]],
    Field(max_length=LARGEST_LATENT),
    FailFast(),
]


def _one_of(schema: dict[str, Any]) -> None:
    """A schema whose properties exclude each other, null being as good as absent, as a choice of
    objects: generators of clients make no type of `oneOf` beside `properties`.
    """
    del schema["type"], schema["additionalProperties"]
    given = {
        name: {key: told for key, told in part.items() if key == "description"} | part["anyOf"][0]
        for name, part in schema.pop("properties").items()
    }
    schema["oneOf"] = [
        {
            "title": name.capitalize(),
            "type": "object",
            "properties": {other: {"type": "null"} for other in given} | {name: part},
            "required": [name],
            "additionalProperties": False,
        }
        for name, part in given.items()
    ]


class GenerateBody(Asked):
    """The optional body of POST /generate: latents, or interpolate, in place of a seed."""

    model_config = ConfigDict(json_schema_extra=_one_of)

    latents: Annotated[
        list[Latent] | None,
        FailFast(),
        Field(
            min_length=1,
            max_length=LARGEST_COUNT,
            description="One list an image, of as many numbers as the variant's latent_dim says. "
            "Each is rounded to the nearest of 256 levels, (q − 127.5) / 127.5.",
        ),
    ] = None
    interpolate: Interpolation | None = None


class StreamQuery(Asked):
    """The query of POST /generate/stream."""

    variant: VariantName = "partial"
    seed: OptionalSeed = None
    count: Annotated[int, Field(ge=1, le=LARGEST_STREAM, description="Images."), DIGITS] = 1000
    format: Annotated[
        Literal["png", "jpeg", "webp", "npy"], Field(description="Of each image by itself.")
    ] = "png"


class CompareQuery(Asked):
    """The query of POST /compare."""

    a: VariantName = "float"
    b: VariantName = "partial"
    c: Annotated[VariantName | None, Field(description="A third, if wanted.")] = None
    seed: OptionalSeed = None
    count: Annotated[int, Field(ge=1, le=LARGEST_COUNT, description="Images of each."), DIGITS] = 8
    format: Annotated[
        Literal["json", "png"], Field(description="png: one labelled picture, a row a variant.")
    ] = "json"


class Swap(Asked):
    """The body of PUT /variants/{variant}."""

    model: Annotated[
        str,
        Field(
            max_length=80,
            description="name@version, of the same name; or the name alone, which goes back to the "
            "version that is active in the store.",
        ),
    ]


class VoteBody(Asked):
    """The body of POST /arena/votes."""

    token: Annotated[str, Field(max_length=1000)]
    choice: Choice


class ImagePath(Asked):
    """The path of GET /images/{variant}/{seed}.png."""

    variant: VariantName
    seed: Seed


class VariantPath(Asked):
    """The path of PUT /variants/{variant}."""

    variant: Annotated[str, Field(max_length=80, description="Of those that are served.")]


class ModelPath(Asked):
    """The path of GET /models/{name}/{version}."""

    name: Annotated[str, Field(max_length=80, description="As in the store: `partial`.")]
    version: Annotated[
        int, Field(ge=1, le=10**9 - 1, description="Of that name, counted from 1."), DIGITS
    ]
