"""Every call of the service as a record: what to send, and how to read the answer.

Both clients send these, so a request and its answer are described once.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

T = TypeVar("T")
Images = NDArray[np.uint8]  # [N, size, size, 3]
Choice = Literal["left", "right", "tie", "both_bad"]


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request, and the reader of its answer's body."""

    method: str
    path: str
    read: Callable[[bytes], T]
    query: dict[str, str | int] = field(default_factory=dict)
    body: dict[str, Any] | None = None


@dataclass(frozen=True)
class Comparison:
    """The same seeds by several variants.

    images  by variant, as it was named; u8 [N, size, size, 3]
    report  the answer without its pictures: times, bytes, ratios, likeness
    """

    images: dict[str, Images]
    report: dict[str, Any]


@dataclass(frozen=True)
class Pair:
    """Two images of one seed by two undisclosed variants; `token` votes once."""

    token: str
    left: Image.Image
    right: Image.Image


def generate(
    variant: str,
    seed: int | None,
    count: int,
    latents: ArrayLike | None,
    interpolate: tuple[int, int, int] | None,
) -> Call[Images]:
    """Images of a seed, of latents f [N, dim] in −1 … 1, or of (from, to, steps)."""
    query: dict[str, str | int] = {"variant": variant, "format": "npy"}
    body: dict[str, Any] | None = None
    if latents is not None and interpolate is not None:
        raise ValueError("give latents or interpolate, not both")
    if latents is None and interpolate is None:
        query |= {"count": count} | _seed(seed)
    elif seed is not None or count != 1:
        raise ValueError("seed and count go without latents and interpolate")
    elif latents is not None:
        body = {"latents": np.asarray(latents, np.float64).tolist()}
    elif interpolate is not None:
        if len(interpolate) != 3:
            raise ValueError(f"interpolate must be (from, to, steps), not {interpolate}")
        body = {"interpolate": dict(zip(("from", "to", "steps"), interpolate, strict=True))}
    return Call("POST", "/generate", _array, query, body)


def compare(variants: Sequence[str], seed: int | None, count: int) -> Call[Comparison]:
    """The same seeds by two or three variants."""
    if len(variants) not in (2, 3) or len(set(variants)) != len(variants):
        raise ValueError(f"variants must be two or three different ones, not {list(variants)}")
    names = dict(zip("abc", variants, strict=False))
    read = partial(_comparison, tuple(variants))
    return Call("POST", "/compare", read, {**names, "count": count, **_seed(seed)})


def stream(variant: str, seed: int | None, count: int) -> Call[bytes]:
    """A tar of .npy images; its reader is `tarstream.Reader`."""
    query = {"variant": variant, "count": count, "format": "npy", **_seed(seed)}
    return Call("POST", "/generate/stream", bytes, query)


def image(variant: str, seed: int) -> Call[Image.Image]:
    return Call("GET", f"/images/{quote(variant, safe='@')}/{seed}.png", _picture)


def pair() -> Call[Pair]:
    return Call("POST", "/arena/pairs", _pair)


def vote(token: str, choice: Choice) -> Call[dict[str, Any]]:
    return Call("POST", "/arena/votes", _object, body={"token": token, "choice": choice})


def results() -> Call[dict[str, Any]]:
    return Call("GET", "/arena/results", _object)


def variants() -> Call[list[dict[str, Any]]]:
    return Call("GET", "/variants", lambda body: list(_object(body)["variants"]))


def models() -> Call[list[dict[str, Any]]]:
    return Call("GET", "/models", lambda body: list(_object(body)["models"]))


def swap(variant: str, model: str) -> Call[dict[str, Any]]:
    return Call("PUT", f"/variants/{quote(variant, safe='')}", _object, body={"model": model})


def _seed(seed: int | None) -> dict[str, str | int]:
    return {} if seed is None else {"seed": seed}


def _object(body: bytes) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(body)
    return told


def _array(body: bytes) -> Images:
    images: Images = np.load(io.BytesIO(body), allow_pickle=False)
    return images


def _picture(body: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(body))
    picture.load()
    return picture


def _pair(body: bytes) -> Pair:
    told = _object(body)
    left, right = (_picture(base64.b64decode(told[side])) for side in ("left", "right"))
    return Pair(told["token"], left, right)


def _comparison(variants: tuple[str, ...], body: bytes) -> Comparison:
    report = _object(body)
    images = {}
    for variant, row in zip(variants, report["variants"], strict=True):
        pictures = [_picture(base64.b64decode(each["png"])) for each in row.pop("images")]
        images[variant] = np.stack([np.asarray(each.convert("RGB")) for each in pictures])
    return Comparison(images, report)
