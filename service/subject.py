"""What a request asks to see: the images of consecutive seeds, or of latents."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernels import latents
from kernels.latents import LARGEST_SEED
from service.errors import OutOfRange
from service.schemas.requests import GenerateBody, GenerateQuery, Interpolation

# Seeds that are drawn fit a float64, so that every JSON reader and spreadsheet keeps them whole.
DRAWN_SEED_BITS = 53


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """Images of seeds, or of latents u8 [N, dim]."""

    inputs: range | NDArray[np.uint8]  # as `Model.run` takes them

    @property
    def seeds(self) -> range | None:
        """The seeds of the images; None if they come from latents."""
        return self.inputs if isinstance(self.inputs, range) else None


def subject(query: GenerateQuery, body: GenerateBody | None, latent_dim: int) -> Subject:
    """The subject of a request. Raises OutOfRange."""
    if body is None:
        return Subject(consecutive(query.seed, query.count))
    for name in ("seed", "count"):
        if getattr(query, name) != GenerateQuery.model_fields[name].default:
            bound = "absent beside a body, which takes its place"
            raise OutOfRange.of("query", name, getattr(query, name), bound)
    match body:
        case GenerateBody(latents=list(rows), interpolate=None):
            return Subject(quantized(rows, latent_dim))
        case GenerateBody(latents=None, interpolate=Interpolation() as way):
            return Subject(interpolated(way, latent_dim))
        case _:
            told = "neither" if body.latents is None else "both"
            raise OutOfRange.of("body", "body", told, "either latents or interpolate")


def consecutive(seed: int | None, count: int) -> range:
    """Consecutive seeds, from one drawn at random if there is none. Raises OutOfRange."""
    first = secrets.randbits(DRAWN_SEED_BITS) if seed is None else seed
    largest = LARGEST_SEED - count + 1
    if first > largest:
        raise OutOfRange.of("query", "seed", first, f"at most {largest} for {count} images")
    return range(first, first + count)


def quantized(rows: list[list[float]], latent_dim: int) -> NDArray[np.uint8]:
    """Latents in [−1, 1] → the nearest bytes, u8 [N, latent_dim]. Raises OutOfRange."""
    for i, row in enumerate(rows):
        if len(row) != latent_dim:
            raise OutOfRange.of("body", f"latents.{i}", len(row), f"{latent_dim} numbers")
    levels = np.rint(np.array(rows, np.float64) * 127.5 + 127.5)
    return levels.astype(np.uint8)


def interpolated(way: Interpolation, latent_dim: int) -> NDArray[np.uint8]:
    """Latents at equal steps from one seed's to another's, u8 [steps, latent_dim]."""
    start, end = (latents(seed, 1, latent_dim)[0].astype(float) for seed in (way.start, way.to))
    share = np.linspace(0, 1, way.steps)[:, None]
    levels: NDArray[np.float64] = np.rint(start + share * (end - start))
    return levels.astype(np.uint8)
