"""Answers of the arena."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from service.schemas.pictures import AnsweredSeed
from service.state.interface import Choice


class Pair(BaseModel):
    """Two images of one seed by two variants, in random order."""

    token: Annotated[str, Field(description="To vote with, once; it does not tell the variants.")]
    expires_in_s: int
    left: Annotated[str, Field(description="PNG, base64.")]
    right: Annotated[str, Field(description="PNG, base64.")]


class Revealed(BaseModel):
    """What a vote was about."""

    left: str
    right: str
    seed: AnsweredSeed
    choice: Choice


class Interval(BaseModel):
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


class PairResult(BaseModel):
    """What the votes say of two variants."""

    a: str
    b: str
    wins_a: int
    wins_b: int
    ties: int
    both_bad: int
    win_rate_a: Annotated[
        Interval, Field(description="How often a is preferred, a tie being half (Wilson).")
    ]


class Rating(BaseModel):
    """A variant's strength."""

    variant: str
    rating: Annotated[
        Interval, Field(description="Bradley–Terry on Elo's scale around 1000 (bootstrap).")
    ]


class ArenaResults(BaseModel):
    """What all votes say."""

    votes: int
    pairs: list[PairResult]
    ratings: Annotated[list[Rating], Field(description="Best first.")]
